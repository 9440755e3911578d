namespace Tempo.Engine.Storage.Scan;

/// <summary>The hash of a text.</summary>
public delegate ulong TextHash(ReadOnlySpan<byte> text);

/// <summary>The hashes of the names of one batch after the other, each name's once. Not thread safe.</summary>
/// <param name="hash">Of one name.</param>
public sealed class NameHashes(TextHash hash)
{
    private ulong[] _byCode = []; // 0: not known yet
    private StringColumn _names = new();
    private StringTable _table = StringTable.None;

    /// <summary>With the name's hash, what <see cref="OrderedTrace.AreCopies"/> compares beside id and times.</summary>
    public static ulong WithKinds(SpanBatch batch, int row, ulong nameHash) =>
        nameHash + (ulong)(batch.Kind[row] << 8 | batch.Status[row] & SpanBatch.StatusCodeMask);

    public void Begin(SpanBatch batch)
    {
        (_names, _table) = (batch.Name, batch.Name.Table);
        GrowableArray.Reserve(ref _byCode, _table.Count);
        _byCode.AsSpan().Clear();
    }

    public ulong Of(int row)
    {
        var code = _names.Codes[row];
        if (code >= _byCode.Length) return hash(_table[code]); // the table of a live batch has grown since
        return _byCode[code] is not 0 and var known ? known : _byCode[code] = hash(_table[code]);
    }
}
