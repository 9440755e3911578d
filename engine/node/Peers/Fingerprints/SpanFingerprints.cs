using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node.Peers.Fingerprints;

/// <summary>
/// 64 bits of a span, of its trace and all by which <see cref="OrderedTrace"/> tells duplicates apart: what two nodes compare before they
/// send spans. By a secret key of the one who asks, so that no sender can make two spans look equal. Not thread safe.
/// </summary>
internal sealed class SpanFingerprints(ulong key)
{
    private readonly SharedHash _hash = new(key);
    private readonly NameHashes _names = new(new SharedHash(key).Of64);

    /// <summary>Those of the rows from <paramref name="first"/> on.</summary>
    public void Of(SpanBatch batch, int first, Span<ulong> fingerprints)
    {
        if (fingerprints.IsEmpty) return;
        _names.Begin(batch);
        for (var i = 0; i < fingerprints.Length; i++)
        {
            var row = first + i;
            var trace = batch.TraceIds[batch.Trace[row]];
            var id = _hash.Of64(trace.High, trace.Low, batch.SpanId[row]);
            fingerprints[i] =
                _hash.Of64(batch.StartUnixNano[row] ^ id, batch.DurationNano[row], NameHashes.WithKinds(batch, row, _names.Of(row)));
        }
    }
}
