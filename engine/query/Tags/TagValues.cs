using Tempo.Engine.Query.Sources;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query.Tags;

/// <summary>
/// Which values an attribute has:
/// <code>
/// status, kind      a fixed list
/// live data         one pass over the codes of keys
/// blocks            their catalogs; where a catalog does not list all values, the block is scanned, after all catalogs
/// with a query      everything is scanned, rows that it does not match left out
/// </code>
/// Flat in the data's size where catalogs are complete; where they are not, an attribute has so many values that the limit
/// of bytes soon ends the scan.
/// </summary>
public static class TagValues
{
    private static readonly string[] StatusWords = ["error", "ok", "unset"];
    private static readonly string[] KindWords = ["client", "server", "producer", "consumer", "internal", "unspecified"];

    /// <summary>Throws <see cref="QueryException"/> for a name that cannot be read and a query of too many groups.</summary>
    public static async Task<TagValuesResult> RunAsync(TagValuesRequest request, TraceSources sources, CancellationToken cancellation)
    {
        if (!TraceQlParser.TryParseAttribute(request.Name, out var attribute, out var error))
            throw new QueryException(QueryErrorKind.BadRequest, $"please provide a valid tagName: {error.Message}");
        return await RunAsync(attribute, request, sources, cancellation).ConfigureAwait(false);
    }

    /// <summary>The same for an attribute that was read already; the request's name is not looked at.</summary>
    internal static async Task<TagValuesResult> RunAsync(
        AttributeRef attribute, TagValuesRequest request, TraceSources sources, CancellationToken cancellation)
    {
        var result = new TagValuesResult();
        foreach (var word in attribute.Intrinsic switch { Intrinsic.Status => StatusWords, Intrinsic.Kind => KindWords, _ => [] })
            result.Values.Add(new TagValueResult("keyword", word));
        var target = TagTarget.Of(attribute);
        var filter = TagFilter.Of(request.Query, request.Limits);
        if (target.Places.Count == 0 || filter.MatchesNothing) return result;

        using var room = new TagRoom(request.Limits);
        var values = new TagValueCollector(room, request.MaxValues);
        var scan = new TagScan(sources, filter, request.StartSeconds, request.EndSeconds, request.Slots);
        scan.Live(Visit, cancellation);
        var unlisted = new List<QueryBlock>();
        foreach (var block in scan.Blocks.InRange)
            if (!filter.MatchesAll || scan.Blocks.MayHoldHidden(block) || !TryReadCatalog(block, target, values, result))
                unlisted.Add(block);
        foreach (var block in unlisted)
        {
            if (values.HasEnough) break;
            await scan.BlockAsync(block, (sidecar, group) => MayContain(sidecar, group, target), Visit, cancellation).ConfigureAwait(false);
        }

        values.WriteTo(result.Values);
        values.Release();
        result.InspectedBytes += scan.InspectedBytes;
        result.Message = scan.Blocks.Damage.Length == 0 && room.IsFull ? room.Cut("values") : scan.Blocks.Damage;
        return result;

        bool Visit(SpanBatch batch, List<Range> rows)
        {
            BatchTags.CollectValues(batch, target, rows, values);
            return !values.HasEnough;
        }
    }

    private static bool MayContain(BlockSidecar sidecar, int group, TagTarget target)
    {
        foreach (var place in target.Places)
            if (sidecar.MayContainKey(group, place.Scope, place.Key))
                return true;
        return false;
    }

    // True if everything that the block has was listed.
    private static bool TryReadCatalog(QueryBlock block, TagTarget target, TagValueCollector values, TagValuesResult result)
    {
        if (block.Sidecar.ReadCatalog() is not { } bytes) return false;
        result.InspectedBytes += (ulong)bytes.Length;
        var catalog = new CatalogReader(bytes.Span);
        var (found, isComplete) = (0, true);
        while (found < target.Places.Count && catalog.MoveNext())
            foreach (var place in target.Places)
            {
                if (catalog.Scope != place.Scope || !catalog.Key.SequenceEqual(place.Key)) continue;
                found++;
                isComplete &= catalog.HasAllValues;
                Add(ref catalog, values, skipEmpty: place.IsServiceName);
            }

        return isComplete && !catalog.IsMalformed && (catalog.HasAllKeys || found == target.Places.Count);
    }

    private static void Add(ref CatalogReader catalog, TagValueCollector values, bool skipEmpty)
    {
        while (catalog.TryReadValue(out var value))
        {
            if (value.Type != CatalogValueType.Text) values.AddNumber(value.Type, value.Bits, value.Count);
            else if (!skipEmpty || !value.Text.IsEmpty) values.AddText(value.Text, value.Count);
        }
    }
}
