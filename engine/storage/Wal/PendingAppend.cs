using System.Threading.Tasks.Sources;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// One append from the call to its completion: a link of the queue, and what the caller awaits. Reused, so that an
/// append allocates nothing; the caller must await its task exactly once, as with any <see cref="ValueTask"/>.
/// </summary>
internal sealed unsafe class PendingAppend(WriteAheadLog log) : IValueTaskSource<WalResult>
{
    private ManualResetValueTaskSourceCore<WalResult> _source;

    /// <summary>
    /// The next in the queue or in the free list, guarded by the log's queue lock; between the two the next in the lanes.
    /// </summary>
    public PendingAppend? Next { get; set; }

    public WalGeneration Generation { get; private set; } = null!;

    /// <summary>The tenant id's text, which is ASCII.</summary>
    public string Tenant { get; private set; } = "";

    public byte* Payload { get; private set; }

    public int PayloadBytes { get; private set; }

    public uint PayloadCrc { get; private set; }

    /// <summary>Where it was put, once the commit has found a place; null if it found none.</summary>
    public SegmentWriter? Writer { get; set; }

    public long Offset { get; set; }

    /// <summary>Begins a new append. The payload stays valid and unchanged until the task completes: the caller's promise.</summary>
    public ValueTask<WalResult> Begin(WalGeneration generation, TenantId tenant, byte* payload, int payloadBytes)
    {
        Generation = generation;
        Tenant = tenant.Value;
        Payload = payload;
        PayloadBytes = payloadBytes;
        PayloadCrc = Crc32C.Compute(new ReadOnlySpan<byte>(payload, payloadBytes));
        Writer = null;
        _source.Reset();
        return new ValueTask<WalResult>(this, _source.Version);
    }

    /// <summary>What came of it, to be told by <see cref="Tell"/>.</summary>
    public WalResult Result { get; set; }

    /// <summary>Completes it. Who awaits it goes on before this returns.</summary>
    public void Tell() => _source.SetResult(Result);

    public WalResult GetResult(short token)
    {
        var result = _source.GetResult(token);
        log.Recycle(this);
        return result;
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
