using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers;

/// <summary>What a peer has of a tenant that is not in the shared store yet.</summary>
internal sealed record PeerPart(IPeer Peer, ulong Incarnation, IReadOnlyList<LiveBatchView> Live, IReadOnlyList<(BlockId Id, bool IsLocal)> Blocks, string Damage);

/// <summary>
/// A copy of a peer's live data of one tenant, which grows by what is new each time a query asks:
/// <code>
/// ask     which batches do you have, and which of their rows have I not seen?     (rows come as OTLP, and lie here as they lie there)
/// keep    the batches that it named; the others have become blocks, which the same answer names
/// </code>
/// Queries that come while an answer is on its way wait for the next one, which is the same for all of them: it begins after they
/// came, so they see what was acknowledged before. Thread safe.
/// </summary>
internal sealed class PeerMirror(IPeer peer, TenantId tenant, TimeProvider time)
{
    private const int MaxBatches = 100_000;
    private readonly Lock _lock = new();

    // Of the running refresh alone.
    private readonly Dictionary<long, LiveBatch> _batches = [];
    private ulong _incarnation;
    private Task<PeerPart>? _running;
    private Task<PeerPart>? _next;

    /// <summary>When a query asked last.</summary>
    public long UsedAt { get; private set; } = time.GetTimestamp();

    /// <summary>Request bytes of what is kept.</summary>
    public long ByteCount { get; private set; }

    /// <summary>All that was acknowledged there before this was called. Throws <see cref="PeerException"/>.</summary>
    public Task<PeerPart> RefreshAsync(TimeSpan patience)
    {
        lock (_lock)
        {
            UsedAt = time.GetTimestamp();
            if (_running is null) return _running = StartAsync(null, patience);
            return _next ??= StartAsync(_running, patience);
        }
    }

    private async Task<PeerPart> StartAsync(Task? before, TimeSpan patience)
    {
        await (before ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        using var deadline = new CancellationTokenSource(patience, time);
        try
        {
            return await AskAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new PeerException($"{peer.Name} did not answer within {patience.TotalSeconds:0.#} s", e);
        }
        finally
        {
            lock (_lock) (_running, _next) = (_next, null);
        }
    }

    private async Task<PeerPart> AskAsync(CancellationToken cancellation)
    {
        using var answer = new NativeBuffer(4096);
        while (true)
        {
            answer.Clear();
            var question = new PeerMessages.LiveQuestion { Tenant = tenant, Incarnation = _incarnation };
            foreach (var (serial, batch) in _batches) question.Have[serial] = batch.Columns.SpanCount;
            await peer.AskAsync(PeerQuestion.Live, PeerMessages.Encode(question), answer, cancellation).ConfigureAwait(false);
            var live = PeerMessages.DecodeLiveAnswer(answer.Written);
            Take(live, answer.Written);
            if (live.HasMore) continue;
            return new PeerPart(peer, live.Incarnation, [.. _batches.Values.Select(static batch => new LiveBatchView(batch, batch.Columns.Snapshot()))], live.Blocks, live.Damage);
        }
    }

    private void Take(PeerMessages.LiveAnswer live, ReadOnlySpan<byte> answer)
    {
        if (live.Incarnation != _incarnation) _batches.Clear();
        _incarnation = live.Incarnation;
        if (live.Batches.Count > MaxBatches) throw new PeerException($"{peer.Name} names {live.Batches.Count} batches; the limit is {MaxBatches}");
        foreach (var gone in _batches.Keys.Except(live.Batches.Select(static batch => batch.Serial)).ToList()) _batches.Remove(gone);
        foreach (var (serial, spans, otlp) in live.Batches)
        {
            if (!_batches.TryGetValue(serial, out var batch)) _batches.Add(serial, batch = new LiveBatch());
            Append(batch, answer[otlp]);
            if (batch.Columns.SpanCount == spans) continue;
            // It would be asked from the wrong row on for ever.
            _batches.Remove(serial);
            throw new PeerException($"{peer.Name} sent {batch.Columns.SpanCount} spans of a batch where it has {spans}");
        }

        ByteCount = _batches.Values.Sum(static batch => batch.ByteCount);
    }

    /// <summary>Adds rows as a peer sent them. Keys and values were cut to the limit where they came in.</summary>
    public static void Append(LiveBatch batch, ReadOnlySpan<byte> otlp)
    {
        if (otlp.IsEmpty) return;
        var summary = default(OtlpRequestSummary);
        if (!OtlpTraceReader.TryRead(otlp, ref summary, out var error)) throw new PeerException($"spans between nodes cannot be read: {error.Message}");
        batch.Append(otlp, int.MaxValue);
    }
}
