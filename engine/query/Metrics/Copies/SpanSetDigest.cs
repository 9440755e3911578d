using System.Numerics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// 128 bits for the spans of one trace in one source, whatever their order. Two sources with equal digests have the same spans, in all by which
/// <see cref="OrderedTrace"/> tells duplicates apart. The hash is keyed for this process, so that no sender can make two differ and look equal.
/// </summary>
internal readonly record struct SpanSetDigest(ulong A, ulong B)
{
    /// <summary>What is read for it.</summary>
    public const BatchColumns Columns = BatchColumns.OwnSpanIds | BatchColumns.Times | BatchColumns.Kind | BatchColumns.Name;

    /// <summary>Of no spans; all others begin with it, so that none is the default.</summary>
    public static readonly SpanSetDigest Empty = new(0, 1);

    public static SpanSetDigest operator +(SpanSetDigest set, SpanSetDigest other) => new(set.A + other.A, set.B + other.B);

    /// <summary>Of one span; see <see cref="OrderedTrace.AreCopies"/>.</summary>
    /// <param name="batch">Where it is.</param>
    /// <param name="row">Its row there.</param>
    /// <param name="nameHash">Of its name, by <see cref="NameHashes"/>.</param>
    public static SpanSetDigest Of(SpanBatch batch, int row, ulong nameHash)
    {
        var (id, start, duration) = (batch.SpanId[row], batch.StartUnixNano[row], batch.DurationNano[row]);
        var rest = nameHash + (ulong)(batch.Kind[row] << 8 | batch.Status[row] & SpanBatch.StatusCodeMask);
        return new(KeyedHash.Of64(id, start, duration + rest), KeyedHash.Of64(~duration, rest, id ^ BitOperations.RotateLeft(start, 32)));
    }
}

/// <summary>The hashes of the names of one batch after the other, each name's once. Not thread safe.</summary>
internal sealed class NameHashes
{
    private ulong[] _byCode = [];
    private StringColumn _names = new();
    private StringTable _table = StringTable.None;

    public void Begin(SpanBatch batch)
    {
        (_names, _table) = (batch.Name, batch.Name.Table);
        GrowableArray.Reserve(ref _byCode, _table.Count);
        _byCode.AsSpan().Clear();
    }

    public ulong Of(int row)
    {
        var code = _names.Codes[row];
        if (code >= _byCode.Length) return Hash(code); // the table of a live batch has grown since
        return _byCode[code] is not 0 and var known ? known : _byCode[code] = Hash(code);
    }

    private ulong Hash(int code) => KeyedHash.Of64(_table[code]);
}
