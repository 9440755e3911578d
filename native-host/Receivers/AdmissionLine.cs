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
/// short line of requests of which only the head was read keeps it busy, and everybody else hears at once. Bodies that come slowly hold no place: only
/// what is being stored counts. Thread safe.
/// </summary>
public sealed class AdmissionLine : IDisposable
{
    /// <summary>Requests in work for each processor: enough for the log to write many at once; with some tenths of a millisecond each, some milliseconds of work.</summary>
    private const int StoringPerProcessor = 16;

    /// <summary>As many requests wait as are stored in some tens of milliseconds, which is what bridges the time until refused senders come back.</summary>
    private const int MaxWaiting = 64;

    /// <summary>Who has waited for so long is refused: it has not moved for a while, or hardly.</summary>
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(5);

    /// <summary>If nobody was let in for so long, nobody else is let wait: there is no telling when it will move again.</summary>
    private static readonly TimeSpan StuckAfter = TimeSpan.FromMilliseconds(500);

    /// <summary>Who was let in and has not come to be stored by then has a slow body, and is not counted any more.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan ComeBack = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Queue<Waiting> _line = new();
    private readonly Func<IngestRoom> _room;
    private readonly CounterFamily? _refused;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;
    private readonly int _maxStoring;

    // How many may be let in before one is stored, or the window ends.
    private int _credits;
    private long _windowStart;
    private long _lastLetIn;
    private bool _isLooking;

    /// <param name="room">What a request would meet.</param>
    /// <param name="processors">That store requests.</param>
    /// <param name="time">For how long requests have waited.</param>
    /// <param name="refused">Counts requests that were refused unread.</param>
    public AdmissionLine(Func<IngestRoom> room, int processors, TimeProvider time, CounterFamily? refused = null)
    {
        (_room, _refused, _time) = (room, refused, time);
        _maxStoring = processors * StoringPerProcessor;
        _lastLetIn = time.GetTimestamp();
        _credits = _maxStoring;
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

    /// <summary>Ok when the request is to be read; else what to tell its sender. Throws <see cref="OperationCanceledException"/> if the sender goes while it waits.</summary>
    public ValueTask<GrpcStatus> EnterAsync(CancellationToken cancellation)
    {
        lock (_lock)
        {
            var (room, now) = (_room(), _time.GetTimestamp());
            Renew(room, now);
            if (_line.Count == 0 && HasRoom(room))
            {
                LetIn(now);
                return new ValueTask<GrpcStatus>(GrpcStatus.Ok);
            }

            if (room.IsClosed || _line.Count >= MaxWaiting || _time.GetElapsedTime(_lastLetIn, now) > StuckAfter) return new ValueTask<GrpcStatus>(Refuse(room));
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
        lock (_lock)
        {
            _credits = Math.Min(_credits + 1, _maxStoring);
            if (_line.Count > 0) LetInFirst();
        }
    }

    public void Dispose() => _timer.Dispose();

    private static async ValueTask<GrpcStatus> WaitAsync(Waiting waiting, CancellationToken cancellation)
    {
        // Who goes stays in line, and is passed over.
        await using var registration = cancellation.UnsafeRegister(static (state, token) => ((Waiting)state!).TrySetCanceled(token), waiting).ConfigureAwait(false);
        return await waiting.Task.ConfigureAwait(false);
    }

    private bool HasRoom(in IngestRoom room) => _credits > 0 && room.Reason.Length == 0 && room.Storing < _maxStoring && !room.IsClosed;

    private void Renew(in IngestRoom room, long now)
    {
        if (_time.GetElapsedTime(_windowStart, now) < Window) return;
        _windowStart = now;
        _credits = Math.Max(0, _maxStoring - room.Storing);
    }

    private GrpcStatus Refuse(in IngestRoom room)
    {
        _refused?.Add();
        var reason = room.Reason.Length > 0 ? room.Reason : $"{room.Storing} requests are being stored and {_line.Count} wait, try again";
        return new GrpcStatus(GrpcStatusCode.Unavailable, reason) { RetryDelay = ComeBack };
    }

    private void Look()
    {
        lock (_lock)
        {
            var (room, now) = (_room(), _time.GetTimestamp());
            Renew(room, now);
            LetInFirst();
            while (_line.TryPeek(out var first) && (room.IsClosed || first.Task.IsCompleted || _time.GetElapsedTime(first.Since, now) >= MaxWait))
            {
                if (!first.Task.IsCompleted) first.TrySetResult(Refuse(room));
                _line.Dequeue();
            }

            if (_line.Count > 0) return;
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _isLooking = false;
        }
    }

    private void LetInFirst()
    {
        while (_line.Count > 0 && HasRoom(_room()))
            if (_line.Dequeue().TrySetResult(GrpcStatus.Ok))
                LetIn(_time.GetTimestamp());
    }

    private void LetIn(long now)
    {
        _credits--;
        _lastLetIn = now;
    }

    private sealed class Waiting(long since) : TaskCompletionSource<GrpcStatus>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public long Since => since;
    }
}
