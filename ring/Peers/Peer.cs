using System.Diagnostics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Engine.Node.Peers;
using Tempo.Ring.Membership;
using Tempo.Ring.Routing;

namespace Tempo.Ring.Peers;

/// <summary>
/// Another node. What it is to store goes to it in batches: while some requests are on their way, those that come in wait, and go
/// together with the next one, so that many small parts cost few round trips.
/// </summary>
public sealed class Peer(
    Member member, IPeerTransport transport, PeerOptions options, Log log, TimeProvider time) : IMember, IPeer, IDisposable
{
    /// <summary>Batches on their way at once.</summary>
    private const int MaxBatches = 4;

    /// <summary>
    /// Bytes after which a batch ends. A request that is larger goes alone, and from where it is: the copy of one of five megabytes took
    /// its memory from the system each time, 1,280 page faults.
    /// </summary>
    private const int BatchBytes = 1 << 20;

    /// <summary>Bytes that may wait or be on their way; beyond, the node counts as one that does not answer.</summary>
    private const long MaxPendingBytes = 128L << 20;

    /// <summary>
    /// For so long one that refused a slice (of another version, of another target, not in the ring yet) is not asked for another.
    /// </summary>
    private static readonly TimeSpan SliceRefusalCounts = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly Queue<Pending> _waiting = [];
    private readonly Stack<byte[]> _bodies = new(MaxBatches); // memory of batches that were answered, for the next ones; under the lock
    private long _pendingBytes;
    private int _running;
    private volatile bool _isSuspect;
    private long? _refusalNotedAt; // under the lock
    private long? _sliceRefusedAt;
    private int _latePings;
    private volatile PeerGreeting? _said;
    private IPushWay? _way; // under the lock
    private bool _isGone;

    public Member Member { get; } = member;

    public string Name => Member.Id;

    public bool IsSuspect => _isSuspect;

    bool IMember.IsSuspect => _isSuspect || _said is { State: not MemberState.Active };

    /// <summary>It may be asked to compute a slice of a query: it is there, knows the ring, and has not refused one lately.</summary>
    public bool TakesSlices =>
        !_isSuspect && _said is null or { State: MemberState.Active }
            && !(_sliceRefusedAt is { } at && time.GetElapsedTime(at) < SliceRefusalCounts);

    /// <summary>It said that all that it had is in the shared store, and nothing since.</summary>
    public bool IsDrained => _said is { IsDrained: true };

    /// <summary>It said that its queries ask this node.</summary>
    public bool KnowsUs => !_isSuspect && _said is { KnowsYou: true };

    /// <summary>Why it is suspect, for people.</summary>
    public string LastError { get; private set; } = "";

    public async ValueTask AskAsync(PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation)
    {
        using var span = ProcessSpans.Start(PeerProtocol.PathOf(question), ActivityKind.Client);
        span?.SetTag("tempo.node", Name);
        try
        {
            await AskInTimeAsync(question, body, answer, cancellation).ConfigureAwait(false);
            span?.SetTag("tempo.answer_bytes", answer.Length);
        }
        catch (Exception e)
        {
            span.Fail(e);
            throw;
        }
    }

    private async ValueTask AskInTimeAsync(
        PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation)
    {
        // Some ask without a time of their own, and some on a thread that waits. A slice takes as long as it takes: who asks for one
        // computes it itself after a while, and cancels.
        using var late =
            new CancellationTokenSource(question == PeerQuestion.Slice ? Timeout.InfiniteTimeSpan : options.QueryTimeout, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            await transport.AskAsync(Name, Member.Address, PeerProtocol.PathOf(question), body, answer, deadline.Token)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new PeerException($"{Name} did not answer within {options.QueryTimeout.TotalSeconds:0.#} s", e);
        }
        catch (PeerException e) when (e.InnerException is not null)
        {
            Suspect(e.Message);
            throw;
        }
        catch (PeerException) when (question == PeerQuestion.Slice)
        {
            _sliceRefusedAt = time.GetTimestamp();
            throw;
        }
    }

    /// <summary>Whether the node is there, noted for all who ask.</summary>
    public async Task PingAsync(CancellationToken cancellation)
    {
        using var answer = new NativeBuffer(64);
        using var late = new CancellationTokenSource(options.PingTimeout, time);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation, late.Token);
        try
        {
            await transport.AskAsync(Name, Member.Address, PeerProtocol.Ping, null, answer, deadline.Token).ConfigureAwait(false);
            var said = PeerGreeting.TryParse(System.Text.Encoding.UTF8.GetString(answer.Written));
            if (said?.Id == Name) Hear(said);
            else Suspect(said is null ? $"what is at {Member.Address} speaks another protocol" : $"at {Member.Address} is '{said.Id}'");
        }
        catch (PeerException e)
        {
            Suspect(e.Message);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            // One may be late on a machine that is busy.
            if (++_latePings > 1) Suspect($"no answer to two pings in {options.PingTimeout.TotalSeconds:0.#} s each");
        }
    }

    /// <summary>It has said something: it is there.</summary>
    public void Hear(PeerGreeting said)
    {
        _said = said;
        _latePings = 0;
        if (_isSuspect) log.Info("a member of the ring answers again", ("member", Name));
        (_isSuspect, LastError) = (false, "");
    }

    /// <summary>
    /// Has it store a request; releases the hold on it that the caller took. A node that does not answer is
    /// <see cref="IngestStatus.Unavailable"/>.
    /// </summary>
    public Task<IngestOutcome> IngestAsync(TenantId tenant, SharedRequest request, bool isCounted)
    {
        var size = PeerProtocol.SizeOf(tenant, request.Buffer.Length);
        var pending = new Pending(tenant, request, isCounted, size);
        bool begins;
        lock (_lock)
        {
            if (_pendingBytes + size > MaxPendingBytes)
            {
                request.Release();
                return Task.FromResult(Failed($"{Name} has {MaxPendingBytes} bytes to store already"));
            }

            _pendingBytes += size;
            _waiting.Enqueue(pending);
            begins = _running < MaxBatches;
            if (begins) _running++;
        }

        // On this thread as far as it goes, which is up to the socket: waking another one costs more than that.
        if (begins) _ = SendAsync();
        return pending.Done.Task;
    }

    private static IngestOutcome Failed(string message) =>
        new(IngestStatus.Unavailable, 0, 0, message) { RetryAfter = TimeSpan.FromSeconds(1) };

    // Until nothing waits.
    private async Task SendAsync()
    {
        while (true)
        {
            var batch = new List<Pending>();
            var size = 0;
            lock (_lock)
            {
                while (_waiting.TryPeek(out var next) && (batch.Count == 0 || size + next.SizeBytes <= BatchBytes))
                {
                    batch.Add(_waiting.Dequeue());
                    size += next.SizeBytes;
                }

                if (batch.Count == 0)
                {
                    _running--;
                    return;
                }
            }

            var (answer, failure) = await SendAsync(batch, size).ConfigureAwait(false);
            lock (_lock) _pendingBytes -= size;
            Answer(batch, answer, failure);
        }
    }

    // Never throws: nobody but who waits for the outcomes would hear of it, and of these each must.
    private async Task<(byte[] Answer, string Failure)> SendAsync(List<Pending> batch, int size)
    {
        var (answer, failure) = (Array.Empty<byte>(), "");
        using (var deadline = new CancellationTokenSource(options.PushTimeout, time))
        {
            try
            {
                answer = await PostAsync(batch, size, deadline.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                failure = $"{Name} has not stored in {options.PushTimeout.TotalSeconds:0.#} s what it was given";
                Suspect(failure);
            }
            catch (PeerException e)
            {
                failure = e.Message;
                if (e.InnerException is not null) Suspect(failure);
                else NoteRefusal(failure);
            }
            catch (Exception e)
            {
                failure = $"{Name} was not given {batch.Count} requests: {e.Message}";
                Suspect(failure);
            }
        }

        return (answer, failure);
    }

    // The requests are let go of, whatever comes: small ones once they are copied, a large one when nobody reads it any more.
    private async Task<byte[]> PostAsync(List<Pending> batch, int size, CancellationToken cancellation)
    {
        byte[] body = [];
        var areHeld = true;
        try
        {
            var large = size > BatchBytes ? new BufferMemory().WrittenOf(batch[0].Request.Buffer) : default;
            body = Take(PeerProtocol.HeadRoomBytes + size - large.Length + PeerProtocol.RecordsEndBytes);
            var records = Write(batch, body.AsSpan(PeerProtocol.HeadRoomBytes), withRequests: large.IsEmpty);
            if (large.IsEmpty) LetGo();
            return await Way().AskAsync(new PushBatch(body.AsMemory(0, PeerProtocol.HeadRoomBytes + records), large), cancellation)
                .ConfigureAwait(false);
        }
        finally
        {
            if (body.Length > 0) Keep(body);
            if (areHeld) LetGo();
        }

        void LetGo()
        {
            areHeld = false;
            foreach (var pending in batch) pending.Request.Release();
        }
    }

    // Not the process's pool: that gives back what was not used for a while, and each of its pages then costs a fault.
    private byte[] Take(int bytes)
    {
        lock (_lock)
            if (_bodies.TryPop(out var kept) && kept.Length >= bytes)
                return kept;
        return GC.AllocateUninitializedArray<byte>((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)bytes));
    }

    private void Keep(byte[] body)
    {
        lock (_lock)
            if (_bodies.Count < MaxBatches)
                _bodies.Push(body);
    }

    // Requests first: what is of one tenant is one request at the other end, as it lies there.
    private static int Write(List<Pending> batch, Span<byte> records, bool withRequests)
    {
        var (at, headerBytes) = (0, 0);
        if (withRequests)
            foreach (var pending in batch)
            {
                var request = pending.Request.Buffer.Written;
                request.CopyTo(records[at..]);
                at += request.Length;
            }

        foreach (var pending in batch)
        {
            PeerProtocol.WriteRecordHeader(records[(at + headerBytes)..], pending.Tenant, pending.Request.Buffer.Length, pending.IsCounted);
            headerBytes += PeerProtocol.HeaderSizeOf(pending.Tenant);
        }

        PeerProtocol.WriteRecordsEnd(records[(at + headerBytes)..], headerBytes);
        return at + headerBytes + PeerProtocol.RecordsEndBytes;
    }

    private IPushWay Way()
    {
        lock (_lock)
            return _isGone
                ? throw new PeerException($"{Name} is not a member any more")
                : _way ??= transport.OpenPush(Name, Member.Address);
    }

    /// <summary>Nothing more is sent to it.</summary>
    public void Dispose()
    {
        IPushWay? way;
        lock (_lock) (way, _isGone) = (_way, true);
        way?.Dispose();
    }

    private void Answer(List<Pending> batch, ReadOnlySpan<byte> rest, string failure)
    {
        if (failure.Length == 0 && rest.IsEmpty) failure = $"{Name} has no room for {batch.Count} requests";
        foreach (var pending in batch)
        {
            if (failure.Length == 0 && PeerProtocol.TryReadOutcome(ref rest, out var outcome))
            {
                pending.Done.SetResult(outcome);
                continue;
            }

            if (failure.Length == 0) failure = $"{Name} answered {batch.Count} records with fewer outcomes";
            pending.Done.SetResult(Failed(failure));
        }
    }

    // It answers, and yet takes nothing, which its answers to pings do not show: something between the nodes may pass these alone.
    private void NoteRefusal(string why)
    {
        lock (_lock)
        {
            if (_isGone || _refusalNotedAt is { } at && time.GetElapsedTime(at) < TimeSpan.FromMinutes(1)) return;
            _refusalNotedAt = time.GetTimestamp();
        }

        log.Warn("a member of the ring takes no spans", ("member", Name), ("err", why));
    }

    private void Suspect(string why)
    {
        if (!_isSuspect) log.Warn("a member of the ring does not answer", ("member", Name), ("err", why));
        (_isSuspect, LastError) = (true, why);
    }

    private sealed record Pending(TenantId Tenant, SharedRequest Request, bool IsCounted, int SizeBytes)
    {
        /// <summary>Those who wait go on one after the other on the thread that has the answer: none is woken for each.</summary>
        public TaskCompletionSource<IngestOutcome> Done { get; } = new();
    }
}
