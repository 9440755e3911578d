using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Catalog;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Which attribute names there are:
/// <code>
/// live data         the codes of keys, marked; one pass over integers
/// blocks            their catalogs; a block without one, or with more keys than it lists, is scanned
/// with a query      everything is scanned, rows that it does not match left out
/// </code>
/// </summary>
public static class TagNames
{
    /// <summary>Throws <see cref="QueryException"/> for a scope that does not exist and a query of too many groups.</summary>
    public static async Task<TagNamesResult> RunAsync(TagNamesRequest request, TraceSources sources, CancellationToken cancellation)
    {
        var scopes = TagScopes.Parse(request.Scope);
        var filter = TagFilter.Of(request.Query, request.Limits);
        var result = new TagNamesResult();
        if (scopes.Attributes.Length > 0 && !filter.MatchesNothing)
        {
            using var room = new TagRoom(request.Limits);
            var names = new TagNameCollector(room);
            var scan = new TagScan(sources, filter, request.StartSeconds, request.EndSeconds, request.Slots);
            scan.Live(Visit, cancellation);
            foreach (var block in scan.Blocks.InRange)
            {
                if (room.IsFull) break;
                if (filter.MatchesAll && !scan.Blocks.MayHoldHidden(block) && TryReadCatalog(block, scopes, names, result)) continue;
                await scan.BlockAsync(block, static (_, _) => true, Visit, cancellation).ConfigureAwait(false);
            }

            result.InspectedBytes += scan.InspectedBytes;
            result.Message = scan.Blocks.Damage.Length == 0 && room.IsFull ? room.Cut("names") : scan.Blocks.Damage;
            Write(scopes, names, request.MaxNamesPerScope, result);

            bool Visit(Storage.Scan.SpanBatch batch, List<Range> rows)
            {
                foreach (var (_, scope) in scopes.Attributes) BatchTags.CollectNames(batch, scope, rows, names);
                return !room.IsFull;
            }
        }

        if (scopes.HasIntrinsics) result.Scopes.Add(new TagScopeNames(TagScopes.Intrinsic, TagScopes.Intrinsics));
        return result;
    }

    private static bool TryReadCatalog(QueryBlock block, TagScopeSet scopes, TagNameCollector names, TagNamesResult result)
    {
        if (block.Sidecar.ReadCatalog() is not { } bytes) return false;
        var catalog = new CatalogReader(bytes.Span);
        while (catalog.MoveNext())
            if (scopes.Contains(catalog.Scope) && !IsEmptyServiceName(ref catalog))
                names.Add(catalog.Scope, catalog.Key);
        result.InspectedBytes += (ulong)bytes.Length;
        return catalog.HasAllKeys && !catalog.IsMalformed;
    }

    // A resource without a service name is listed with the empty one.
    private static bool IsEmptyServiceName(ref CatalogReader catalog) =>
        catalog.Scope == CatalogScope.Resource && catalog.DistinctCount == 1 && catalog.Key.SequenceEqual("service.name"u8)
        && catalog.TryReadValue(out var value) && value.Type == CatalogValueType.Text && value.Text.IsEmpty;

    private static void Write(TagScopeSet scopes, TagNameCollector names, int maxNames, TagNamesResult result)
    {
        foreach (var (word, scope) in scopes.Attributes)
        {
            var all = names.NamesOf(scope);
            List<string> listed = [.. maxNames > 0 ? all.Take(maxNames) : all];
            if (listed.Count > 0) result.Scopes.Add(new TagScopeNames(word, listed));
        }
    }
}
