using System.Numerics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Query.Metrics.Copies;

/// <summary>
/// 128 bits for the spans of one trace in one source, whatever their order. Two sources with equal digests have the same spans, in all by
/// which
/// <see cref="OrderedTrace"/> tells duplicates apart. The hash is keyed for this process, so that no sender can make two differ and look
/// equal.
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
        var rest = NameHashes.WithKinds(batch, row, nameHash);
        return new(KeyedHash.Of64(id, start, duration + rest), KeyedHash.Of64(~duration, rest, id ^ BitOperations.RotateLeft(start, 32)));
    }
}
