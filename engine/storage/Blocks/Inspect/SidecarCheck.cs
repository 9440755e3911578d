using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Catalog;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Storage.Blocks.Inspect;

/// <summary>
/// Holds a block's sidecar against its rows: each trace is found at its row, times and durations lie in the zones of their row group, and
/// keys and texts of spans and resources pass the filters. What a sidecar excludes wrongly, no query ever finds.
/// </summary>
internal sealed class SidecarCheck(BlockSidecar sidecar, Action<string> report)
{
    private readonly HashSet<(int Scope, int Key, long Text)> _asked = [];
    private long _row;

    /// <summary>The rows that follow those before; of a row group, whose codes mean the same in all of its batches or not.</summary>
    public void Check(int rowGroup, SpanBatch batch)
    {
        if (!sidecar.IsPresent) return;
        CheckIds(batch);
        CheckZones(rowGroup, batch);
        _asked.Clear();
        CheckAttributes(rowGroup, CatalogScope.Span, batch.SpanAttributes);
        CheckAttributes(rowGroup, CatalogScope.Resource, batch.Resources.Attributes);
    }

    /// <summary>What no row asks for is read, too: whoever counts damage knows of all of it then.</summary>
    public void ReadRest(int rowGroupCount)
    {
        _ = sidecar.ReadCatalog();
        for (var group = 0; group < rowGroupCount; group++)
        {
            _ = sidecar.TryGetRange(group, 0, out _, out _, out _);
            _ = sidecar.HasValueFilter(group);
        }
    }

    private void CheckIds(SpanBatch batch)
    {
        Span<long> rows = stackalloc long[BlockSidecar.MaxFoundRows];
        for (var i = 0; i < batch.TraceCount; i++, _row++)
        {
            var id = batch.TraceIds[i];
            if (!sidecar.MayContainTrace(SidecarHash.OfTrace(id))) report($"tempo.sidecar: trace {id} is not in its filter");
            else if (sidecar.TryFindRows(id, rows, out var count) && !rows[..count].Contains(_row))
                report($"tempo.sidecar: trace {id} is not found at row {_row}");
        }
    }

    private void CheckZones(int rowGroup, SpanBatch batch)
    {
        var (starts, durations) = (sidecar.StartTimes(rowGroup), sidecar.Durations(rowGroup));
        for (var i = 0; i < batch.SpanCount; i++)
        {
            var (start, duration) = (batch.StartUnixNano[i], batch.DurationNano[i]);
            if (start < starts.Min || start > starts.Max || duration < durations.Min || duration > durations.Max)
                report($"tempo.sidecar: a span of trace {batch.TraceIds[batch.Trace[i]]} lies outside the zones of row group {rowGroup}");
        }
    }

    private void CheckRange(int rowGroup, ulong key, double number)
    {
        var isKnown = sidecar.TryGetRange(rowGroup, key, out var min, out var max, out var isAbsent);
        if (isAbsent || isKnown && (number < min || number > max))
            report($"tempo.sidecar: the ranges of row group {rowGroup} exclude a number that is there");
    }

    private void CheckAttributes(int rowGroup, CatalogScope scope, AttributeColumns attributes)
    {
        for (var i = 0; i < attributes.Count; i++)
        {
            var (isText, isInt) = (attributes.Types[i] == AttributeType.String, attributes.Types[i] == AttributeType.Int);
            if (!_asked.Add(((int)scope, attributes.Keys[i] * 2 + (isInt ? 1 : 0), isText || isInt ? attributes.Bits[i] : -1))) continue;
            var key = SidecarHash.OfKey(scope, attributes.Key(i));
            if (!sidecar.MayContainKey(rowGroup, key))
                report($"tempo.sidecar: the filter of row group {rowGroup} excludes a key that is there");
            else if (isText && !sidecar.MayContainValue(rowGroup, SidecarHash.OfText(key, attributes.String(i))))
                report($"tempo.sidecar: the filter of row group {rowGroup} excludes a text that is there");
            else if (isInt && !sidecar.MayContainValue(rowGroup, SidecarHash.OfNumber(key, attributes.Bits[i])))
                report($"tempo.sidecar: the filter of row group {rowGroup} excludes a number that is there");
            else if (isInt) CheckRange(rowGroup, key, attributes.Bits[i]);
        }
    }
}
