using Tempo.Engine.Foundation;
using Tempo.Engine.Node;
using Tempo.Host.Grpc;

namespace Tempo.Host.Receivers;

/// <summary>
/// Where requests wait, unread, while as much is being stored as the processors can do, or too much waits to be written as blocks.
/// <code>
/// enter    at once while there is room and nobody waits; else in line, if that is short and moves; else refused at once
/// let in   the first in line for each request that was stored, and a hundred times a second as many as there is room for
/// </code>
/// Two things make an overloaded server slow, and both are queues: requests that are all worked on at once (each waits for the turns of
/// all others, and so does every refusal), and senders who were all told to come back later, while nothing is left to be done. A
/// short line of requests of which only the head was read keeps it busy, and everybody else hears at once. Bodies that come slowly hold no
/// place, however many: only what is being stored counts, at the price of some requests too many where many come at once. Thread safe.
/// </summary>
public sealed class AdmissionLine : IDisposable
{
    /// <summary>
    /// What may be in work for each processor: 4 microseconds a KB are some 7 ms, which is what a refusal waits behind, and a log that
    /// takes 20 ms to sync still takes 100 MB a second. In bytes, so that small requests of many senders are logged hundreds at once.
    /// </summary>
    private const long BytesPerProcessor = 2 << 20;

    /// <summary>As many are stored for each processor, however large: beside one of 64 MiB others go on.</summary>
    private const int LeastPerProcessor = 4;

    /// <summary>Taken for the bytes of a request that was let in and has not been read: an exporter's batch.</summary>
    private const int OrdinaryBytes = 64 << 10;

    /// <summary>
    /// As many wait, unread, as are stored in a tenth of a second or two: a burst of that many senders is no overload, and it bridges the
    /// time until refused ones come back.
    /// </summary>
    private const int MaxWaiting = 256;

    /// <summary>Who has waited for so long is refused: it has not moved for a while, or hardly.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    /// <summary>If nobody was let in for so long, nobody else is let wait: there is no telling when it will move again.</summary>
    private static readonly TimeSpan StuckAfter = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>
    /// Who is refused is told to come back after one to two of these, each at another moment. Told the same, those who were refused
    /// together come together again, over and over: 200 at once wait 30 ms for each other, alone less than one.
    /// </summary>
    private static readonly TimeSpan ComeBack = TimeSpan.FromSeconds(1);

    /// <summary>Of the golden ratio: its multiples lie as evenly as can be, however many there are.</summary>
    private const uint NextMoment = 0x9E3779B9;

    private readonly Lock _lock = new();
    private readonly Queue<Waiting> _line = new();
    private readonly Func<IngestRoom> _room;
    private readonly CounterFamily? _refused;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly long _maxBytes;
    private readonly int _leastCount;
    private long _lastLetIn;
    private bool _isLooking;
    private uint _moment; // of 2^32 in ComeBack

    /// <param name="room">What a request would meet.</param>
    /// <param name="processors">That store requests.</param>
    /// <param name="time">For how long requests have waited.</param>
    /// <param name="refused">Counts requests that were refused unread.</param>
    public AdmissionLine(Func<IngestRoom> room, int processors, TimeProvider time, CounterFamily? refused = null)
    {
        (_room, _refused, _time) = (room, refused, time);
        (_maxBytes, _leastCount) = (processors * BytesPerProcessor, processors * LeastPerProcessor);
        _lastLetIn = time.GetTimestamp();
        _timer = time.CreateTimer(static state => ((AdmissionLine)state!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Requests in line.</summary>
    public int WaitingCount
    {
        get
        {
            lock (_lock) return _line.Count;
        }
    }

    /// <summary>
    /// Ok when the request is to be read; else what to tell its sender. Throws <see cref="OperationCanceledException"/> if the sender goes
    /// while it waits.
    /// </summary>
    public ValueTask<GrpcStatus> EnterAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            var (room, now) = (_room(), _time.GetTimestamp());
            if (_line.Count == 0 && HasRoom(room))
            {
                _lastLetIn = now;
                return new ValueTask<GrpcStatus>(GrpcStatus.Ok);
            }

            if (room.IsClosed || _line.Count >= MaxWaiting || _time.GetElapsedTime(_lastLetIn, now) > StuckAfter)
                return new ValueTask<GrpcStatus>(Refuse(room));
            var waiting = new Waiting(now);
            _line.Enqueue(waiting);
            if (!_isLooking) _timer.Change(LookInterval, LookInterval);
            _isLooking = true;
            return WaitAsync(waiting, cancellation);
        }
    }

    /// <summary>A request that was let in has been stored, or has failed to be.</summary>
    public void Leave()
    {
        lock (_lock) LetIn(1);
    }

    public void Dispose() => _timer.Dispose();

    private static async ValueTask<GrpcStatus> WaitAsync(Waiting waiting, CancellationToken cancellation)
    {
        // Who goes stays in line, and is passed over.
        await using var registration =
            cancellation.UnsafeRegister(static (state, token) => ((Waiting)state!).TrySetCanceled(token), waiting).ConfigureAwait(false);
        return await waiting.Task.ConfigureAwait(false);
    }

    private bool HasRoom(in IngestRoom room) =>
        room.Reason.Length == 0 && (room.StoringBytes < _maxBytes || room.Storing < _leastCount) && !room.IsClosed;

    private GrpcStatus Refuse(in IngestRoom room)
    {
        _refused?.Add();
        var reason = room.Reason.Length > 0
            ? room.Reason
            : $"{room.Storing} requests of {room.StoringBytes} bytes are being stored and {_line.Count} wait, try again";
        _moment += NextMoment;
        return new GrpcStatus(GrpcStatusCode.Unavailable, reason) { RetryDelay = ComeBack * (1 + _moment / (double)(1L << 32)) };
    }

    private void Look()
    {
        lock (_lock)
        {
            var (room, now) = (_room(), _time.GetTimestamp());
            LetIn((int)Math.Max(1, (_maxBytes - room.StoringBytes) / OrdinaryBytes));
            while (_line.TryPeek(out var first) && (room.IsClosed || first.Task.IsCompleted
                || _time.GetElapsedTime(first.Since, now) >= MaxWait))
            {
                if (!first.Task.IsCompleted) first.TrySetResult(Refuse(room));
                _line.Dequeue();
            }

            if (_line.Count > 0) return;
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _isLooking = false;
        }
    }

    private void LetIn(int most)
    {
        while (most > 0 && _line.Count > 0 && HasRoom(_room()))
        {
            if (!_line.Dequeue().TrySetResult(GrpcStatus.Ok)) continue;
            _lastLetIn = _time.GetTimestamp();
            most--;
        }
    }

    private sealed class Waiting(long since) : TaskCompletionSource<GrpcStatus>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Since => since;
    }
}
