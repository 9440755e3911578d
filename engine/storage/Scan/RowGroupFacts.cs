using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Sidecar;
using Tempo.Engine.Storage.Catalog;

namespace Tempo.Engine.Storage.Scan;

/// <summary>
/// What can be said of a row group without reading a page: from the block's sidecar, if it has one, from the footer's bounds and
/// from dictionaries. A "no" is certain, a
/// "maybe" says nothing. Dictionaries are those that a scan would need anyway. Used by one thread.
/// </summary>
public sealed class RowGroupFacts
{
    private readonly RowGroupReader _rows;

    internal RowGroupFacts(RowGroupReader rows) => _rows = rows;

    /// <summary>False: no owner of the scope has the key.</summary>
    public bool MayHaveKey(AttributeScope scope, byte[] key) => _rows.Sidecar.MayContainKey(_rows.Number, (CatalogScope)scope, key)
        && Ask(() => IsOpaque(scope) || HasDedicated(scope, key) || MayHold(KeyPath(scope), key));

    /// <summary>False: no owner of the scope has this text as value of the key, alone or in a list.</summary>
    public bool MayHaveText(AttributeScope scope, byte[] key, byte[] text) => _rows.Sidecar.MayContain(_rows.Number, (CatalogScope)scope, key, text)
        && (HasValueFilter || Ask(() => IsOpaque(scope)
        || _rows.DedicatedPaths(scope).Any(own => own.Key.AsSpan().SequenceEqual(key) && MayHold(own.Path, text))
        || MayHold(KeyPath(scope), key) && MayHold(RowGroupReader.AttributePath(scope, "Value"), text)));

    /// <summary>
    /// False: no owner of the scope has a number (an int, or a double) from <paramref name="min"/> to <paramref name="max"/> as value
    /// of the key, alone or in a list.
    /// </summary>
    public bool MayHaveNumber(AttributeScope scope, byte[] key, double min, double max) => IsInRange(scope, key, min, max)
        && (HasValueFilter || Ask(() => IsOpaque(scope)
        || HasDedicated(scope, key)
        || MayHold(KeyPath(scope), key)
        && !(_rows.Columns.IsWithoutValues(RowGroupReader.AttributePath(scope, "ValueInt")) && _rows.Columns.IsWithoutValues(RowGroupReader.AttributePath(scope, "ValueDouble")))));

    // Dictionaries of values may have a megabyte. Where a filter lets one row group in a hundred through wrongly, reading that one costs less.
    private bool HasValueFilter => _rows.Sidecar.HasValueFilter(_rows.Number);

    private bool IsInRange(AttributeScope scope, byte[] key, double min, double max)
    {
        if (min == max) return _rows.Sidecar.MayContain(_rows.Number, (CatalogScope)scope, key, min);
        if (_rows.Sidecar.TryGetRange(_rows.Number, SidecarHash.OfKey((CatalogScope)scope, key), out var low, out var high, out var isAbsent)) return !(high < min || low > max);
        return !isAbsent;
    }

    /// <summary>The names of the spans, if they are all in one table.</summary>
    public StringTable? Names => Ask(() => Table("rs.ss.Spans.Name"));

    /// <summary>The names of the services, if they are all in one table.</summary>
    public StringTable? ServiceNames => Ask(() => Table("rs.Resource.ServiceName"));

    /// <summary>What the durations of the spans lie between, nanoseconds inclusive; everything if it is not known.</summary>
    public (ulong Min, ulong Max) Durations => Ask(() => _rows.Columns.Bounds("rs.ss.Spans.DurationNano"));

    private static string KeyPath(AttributeScope scope) => RowGroupReader.AttributePath(scope, "Key");

    // Kept in messages, not in columns.
    private bool IsOpaque(AttributeScope scope) => scope is AttributeScope.Event or AttributeScope.Link && _rows.KeepsEventsInMessages;

    private StringTable? Table(string path) => _rows.Columns.TryGetDictionary(path, out var table) ? table : null;

    private bool HasDedicated(AttributeScope scope, byte[] key) =>
        _rows.DedicatedPaths(scope).Any(own => own.Key.AsSpan().SequenceEqual(key) && !_rows.Columns.IsWithoutValues(own.Path));

    private bool MayHold(string path, byte[] text)
    {
        if (_rows.Columns.IsWithoutValues(path)) return false;
        if (Table(path) is not { } table) return true;
        for (var code = 0; code < table.Count; code++)
            if (table[code].SequenceEqual(text))
                return true;
        return false;
    }

    private T Ask<T>(Func<T> question) => BlockReadException.Guard(question, static asked => asked(), _rows.OnDamage);
}

/// <summary>When the traces of a row group begin and end, by the bounds in the footer; all time if they are not known.</summary>
/// <param name="MinStartUnixNano">Start of the first to start.</param>
/// <param name="MaxStartUnixNano">Start of the last to start.</param>
/// <param name="MaxEndUnixNano">End of the last to end.</param>
public readonly record struct RowGroupTimes(ulong MinStartUnixNano, ulong MaxStartUnixNano, ulong MaxEndUnixNano);
