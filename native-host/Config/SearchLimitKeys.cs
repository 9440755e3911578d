using static Tempo.Host.Config.ConfigScalar;

namespace Tempo.Host.Config;

/// <summary>
/// What one search may use; Tempo has no such keys. The time is <c>query_frontend.api_timeout</c>, for all queries alike.
/// </summary>
internal static class SearchLimitKeys
{
    public static IEnumerable<ConfigKey> All =>
    [
        Bytes("query_frontend.search.max_read_bytes", 0, 1L << 50,
            (o, v) => o.Node = o.Node with { Search = o.Node.Search with { MaxReadBytes = v } }, o => o.Node.Search.MaxReadBytes),
        Bytes("query_frontend.search.bytes_per_node", 0, 1L << 50, (o, v) => o.Node = o.Node with { SearchShareBytes = v },
            o => o.Node.SearchShareBytes),
        Int("query_frontend.search.max_candidate_traces", 1, 1 << 28,
            (o, v) => o.Node = o.Node with { Search = o.Node.Search with { MaxCandidates = v } }, o => o.Node.Search.MaxCandidates),
        Int("query_frontend.search.max_listed_spans", 1, int.MaxValue,
            (o, v) => o.Node = o.Node with { Search = o.Node.Search with { MaxListedSpans = v } }, o => o.Node.Search.MaxListedSpans),
    ];
}
