using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Catalog;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// What can be said of a row group without reading a page: from the block's sidecar, if it has one, from the footer's bounds and
/// from dictionaries, which are those that a scan would need anyway.
/// </summary>
public sealed class RowGroupFacts : ISpanFacts
{
    private readonly RowGroupReader _rows;

    internal RowGroupFacts(RowGroupReader rows) => _rows = rows;

    public bool MayHaveKey(AttributeScope scope, byte[] key) => _rows.Sidecar.MayContainKey(_rows.Number, (CatalogScope)scope, key)
        && Ask(() => _rows.KeepsInMessages(scope) || HasDedicated(scope, key) || MayHold(KeyPath(scope), key));

    public bool MayHaveText(AttributeScope scope, byte[] key, byte[] text) =>
        _rows.Sidecar.MayContain(_rows.Number, (CatalogScope)scope, key, text)
            && (HasValueFilter || Ask(() => _rows.KeepsInMessages(scope)
            || _rows.DedicatedLeaves.Any(own => own.Scope == scope && own.Key.AsSpan().SequenceEqual(key) && MayHold(own.Path, text))
            || MayHold(KeyPath(scope), key) && MayHold(RowGroupReader.AttributePath(scope, "Value"), text)));

    public bool MayHaveNumber(AttributeScope scope, byte[] key, double min, double max) => IsInRange(scope, key, min, max)
        && (HasValueFilter || Ask(() => _rows.KeepsInMessages(scope)
        || HasDedicated(scope, key)
        || MayHold(KeyPath(scope), key)
        && !(_rows.Columns.IsWithoutValues(RowGroupReader.AttributePath(scope, "ValueInt"))
            && _rows.Columns.IsWithoutValues(RowGroupReader.AttributePath(scope, "ValueDouble")))));

    // Dictionaries of values may have a megabyte. Where a filter lets one row group in a hundred through wrongly, reading that one costs
    // less.
    private bool HasValueFilter => _rows.Sidecar.HasValueFilter(_rows.Number);

    private bool IsInRange(AttributeScope scope, byte[] key, double min, double max)
    {
        if (min == max) return _rows.Sidecar.MayContain(_rows.Number, (CatalogScope)scope, key, min);
        if (_rows.Sidecar.TryGetRange(_rows.Number, SidecarHash.OfKey((CatalogScope)scope, key), out var low, out var high,
            out var isAbsent))
            return !(high < min || low > max);
        return !isAbsent;
    }

    public bool MayHaveText(TextColumn column, byte[] text) => Ask(() => _rows.KeepsInMessages(column) || MayHold(PathOf(column), text));

    public StringTable? Names => Ask(() => Table("rs.ss.Spans.Name"));

    public StringTable? ServiceNames => Ask(() => Table("rs.Resource.ServiceName"));

    public (ulong Min, ulong Max) Durations => Ask(() => _rows.Columns.Bounds("rs.ss.Spans.DurationNano"));

    public (ulong Min, ulong Max) Starts => Ask(() => _rows.Columns.Bounds("rs.ss.Spans.StartTimeUnixNano"));

    public (ulong Min, ulong Max) StatusCodes => Ask(() => _rows.Columns.Bounds("rs.ss.Spans.StatusCode"));

    public (ulong Min, ulong Max) Kinds => Ask(() => _rows.Columns.Bounds("rs.ss.Spans.Kind"));

    public TraceTimes TraceTimes => Ask(() =>
    {
        var (minStart, maxStart) = _rows.Columns.Bounds("StartTimeUnixNano");
        return new TraceTimes(minStart, maxStart, _rows.Columns.Bounds("EndTimeUnixNano").Max);
    });

    internal static string PathOf(TextColumn column) => column switch
    {
        TextColumn.Name => "rs.ss.Spans.Name",
        TextColumn.StatusMessage => "rs.ss.Spans.StatusMessage",
        _ => "rs.ss.Spans.Events.Name",
    };

    private static string KeyPath(AttributeScope scope) => RowGroupReader.AttributePath(scope, "Key");

    private StringTable? Table(string path) => _rows.Columns.TryGetDictionary(path, out var table) ? table : null;

    private bool HasDedicated(AttributeScope scope, byte[] key) =>
        _rows.DedicatedLeaves.Any(
            own => own.Scope == scope && own.Key.AsSpan().SequenceEqual(key) && !_rows.Columns.IsWithoutValues(own.Path));

    private bool MayHold(string path, byte[] text)
    {
        if (_rows.Columns.IsWithoutValues(path)) return false;
        return Table(path) is not { } table || table.Contains(text);
    }

    private T Ask<T>(Func<T> question) => BlockReadException.Guard(question, static asked => asked(), _rows.OnDamage);
}
