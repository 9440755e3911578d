using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node.Peers;

/// <summary>
/// 64 bits of a span, of its trace and all by which <see cref="OrderedTrace"/> tells duplicates apart: what two nodes compare before they send spans. By a secret key of
/// the one who asks, so that no sender can make two spans look equal. Not thread safe.
/// </summary>
internal sealed class SpanFingerprints(ulong key)
{
    private readonly SharedHash _hash = new(key);

    // Of names, by code of the table they are in; 0: not known yet.
    private ulong[] _names = [];

    /// <summary>Those of the rows from <paramref name="first"/> on.</summary>
    public void Of(SpanBatch batch, int first, Span<ulong> fingerprints)
    {
        if (fingerprints.IsEmpty) return;
        var names = batch.Name.Table;
        GrowableArray.Reserve(ref _names, names.Count);
        _names.AsSpan().Clear();
        for (var i = 0; i < fingerprints.Length; i++)
        {
            var row = first + i;
            var trace = batch.TraceIds[batch.Trace[row]];
            var kinds = NameHash(names, batch.Name.Codes[row]) + (ulong)(batch.Kind[row] << 8 | batch.Status[row] & SpanBatch.StatusCodeMask);
            var id = _hash.Of64(trace.High, trace.Low, batch.SpanId[row]);
            fingerprints[i] = _hash.Of64(batch.StartUnixNano[row] ^ id, batch.DurationNano[row], kinds);
        }
    }

    // The table of a live batch may have grown since.
    private ulong NameHash(StringTable names, int code)
    {
        if (code >= _names.Length) return _hash.Of64(names[code]);
        return _names[code] is not 0 and var known ? known : _names[code] = _hash.Of64(names[code]);
    }
}
