using System.Runtime.CompilerServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Tags;
using Tempo.Host.Config;
using Tempo.Host.Tenancy;

namespace Tempo.Host.Foreign;

/// <summary>A range of time in unix seconds, both ends in it.</summary>
internal readonly record struct TimeRange(long StartSeconds, long EndSeconds);

/// <summary>What the query APIs of other systems ask of the node, in their common words.</summary>
internal sealed class ForeignQueries(TempoNode node, QueryLimits limits)
{
    /// <summary>OTLP bytes that are turned into objects at once.</summary>
    private const int PartBytes = 1 << 20;

    /// <summary>Names in one list; a user interface shows them in a box.</summary>
    private const int MaxNames = 10_000;

    public SearchLimits LimitsOf(TenantSet tenants) => limits.Of(tenants);

    /// <summary>Ids of the newest traces that have a span like that.</summary>
    public async Task<List<TraceId>> SearchAsync(
        TenantSet asked, SpanQuery query, TimeRange range, int limit, CancellationToken cancellation)
    {
        var request = new SearchRequest
        {
            Query = query.ToString(),
            StartSeconds = (uint)Math.Clamp(range.StartSeconds, 0, uint.MaxValue),
            EndSeconds = (uint)Math.Clamp(range.EndSeconds, 0, uint.MaxValue),
            Limit = limit,
            SpansPerSpanSet = 1,
        };
        var found = await node.SearchAsync(asked, request, cancellation).ConfigureAwait(false);
        return found.Traces.ConvertAll(static trace => trace.TraceId);
    }

    /// <summary>The spans of a trace, some at a time; nothing if there is no such trace.</summary>
    public async IAsyncEnumerable<List<SpanRecord>> ReadAsync(
        TenantSet asked, TraceId id, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var reading = await node.ReadTraceAsync(asked, id, 0, 0, cancellation).ConfigureAwait(false);
        using var part = new NativeBuffer();
        while (!reading.Trace.IsAtEnd)
        {
            part.Clear();
            reading.Trace.WritePart(part, PartBytes);
            yield return SpanRecordReader.Read(part.Written);
        }
    }

    /// <summary>Names of services, sorted.</summary>
    public Task<List<string>> ServicesAsync(TenantSet asked, CancellationToken cancellation) =>
        ValuesAsync(asked, "resource.service.name", new SpanQuery(), cancellation);

    /// <summary>Names of the spans that are like that.</summary>
    public Task<List<string>> NamesAsync(TenantSet asked, SpanQuery query, CancellationToken cancellation) =>
        ValuesAsync(asked, "name", query, cancellation);

    /// <summary>Values of an attribute or intrinsic, as text, each once and sorted.</summary>
    public async Task<List<string>> ValuesAsync(TenantSet asked, string field, SpanQuery query, CancellationToken cancellation)
    {
        var request = new TagValuesRequest { Name = field, Query = query.Count == 0 ? "" : query.ToString(), MaxValues = MaxNames };
        var found = await node.TagValuesAsync(asked, request, cancellation).ConfigureAwait(false);
        return [.. found.Values.Select(static v => v.Value).Where(static v => v.Length > 0).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Keys of span attributes, sorted.</summary>
    public async Task<List<string>> SpanKeysAsync(TenantSet asked, CancellationToken cancellation)
    {
        var found = await node.TagNamesAsync(asked, new TagNamesRequest { Scope = "span", MaxNamesPerScope = MaxNames }, cancellation)
            .ConfigureAwait(false);
        return [.. found.Scopes.SelectMany(static scope => scope.Names).Distinct().Order(StringComparer.Ordinal)];
    }
}
