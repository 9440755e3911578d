using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Tempo.Host.Edge;

/// <summary>
/// A listening socket below Kestrel that serves plain posts itself and gives every other connection to Kestrel, with all its bytes still in
/// it.
/// <code>
/// threads   one more than there are processors, and one: each waits for an event of any connection, and does all there is to do for it:
///           reads,
///           judges, logs, decodes, answers. A post wakes one thread. While one waits for the disk, others take what comes.
/// event     belongs to whom it was told to: a connection is armed for one, and armed again when it is served
/// clock     once a second: connections whose time is over
/// </code>
/// A connection that says nothing, or not enough, costs some hundred bytes and no thread looks at it. Kestrel's costs 35 KiB, a request
/// there three thread switches and four to five microseconds more.
/// </summary>
internal sealed class EdgeListener : IConnectionListener
{
    /// <summary>A connection that has sent nothing yet is closed after this.</summary>
    public static readonly TimeSpan SilenceTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Taken from the listening socket at one go.</summary>
    private const int MaxAccepted = 64;

    private const ulong AcceptData = ulong.MaxValue, EndData = ulong.MaxValue - 1;
    private static readonly TimeSpan ClockInterval = TimeSpan.FromSeconds(1);

    private readonly Channel<ConnectionContext> _given = Channel.CreateUnbounded<ConnectionContext>();
    private readonly EdgeConnection?[] _slots;
    private readonly long[] _deadlines; // timestamps of the clock; written by who has the connection
    private readonly Stack<int> _free;  // guarded by itself, as are the next three
    private int _usedSlots;
    private int _count;
    private uint _generation;
    private readonly Socket _socket;
    private readonly int _listening;
    private readonly SocketConnectionContextFactory _kestrel;
    private readonly PlainPosts _posts;
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _clock;
    private readonly Thread[] _threads;
    private readonly int _poll;
    private readonly int _end;
    private volatile bool _isStopping;
    private volatile bool _isAcceptPaused;
    private int _isDisposed;

    /// <param name="socket">Bound and listening.</param>
    /// <param name="kestrel">Makes Kestrel's connections.</param>
    /// <param name="posts">Takes plain posts.</param>
    /// <param name="timeouts">Without a request, and until a head is there; zero: Kestrel's.</param>
    public EdgeListener(Socket socket, SocketConnectionContextFactory kestrel, PlainPosts posts, (TimeSpan Idle, TimeSpan Head) timeouts)
    {
        (_socket, _kestrel, _posts) = (socket, kestrel, posts);
        (_slots, _deadlines, _free) =
            (new EdgeConnection?[posts.MaxConnections], new long[posts.MaxConnections], new Stack<int>(posts.MaxConnections));
        IdleTimeout = timeouts.Idle > TimeSpan.Zero ? timeouts.Idle : TimeSpan.FromSeconds(130);
        HeadTimeout = timeouts.Head > TimeSpan.Zero ? timeouts.Head : TimeSpan.FromSeconds(30);
        socket.Blocking = false;
        _listening = (int)socket.SafeHandle.DangerousGetHandle();
        EndPoint = socket.LocalEndPoint!;
        _poll = SocketCalls.CreatePoll();
        _end = SocketCalls.CreateReadable();
        if (_poll < 0 || _end < 0 || !SocketCalls.Control(
            _poll, SocketCalls.EpollAdd, _listening, SocketCalls.EpollIn | SocketCalls.EpollOneShot, AcceptData))
            throw new IOException($"epoll: error {Marshal.GetLastPInvokeError()}");
        _clock = posts.Time.CreateTimer(static state => ((EdgeListener)state!).Tick(), this, ClockInterval, ClockInterval);
        _threads = [.. Enumerable.Range(0, Environment.ProcessorCount + 2)
            .Select(i => new Thread(Serve) { IsBackground = true, Name = $"edge-{i}" })];
        foreach (var thread in _threads) thread.Start();
    }

    public EndPoint EndPoint { get; }

    public TimeSpan IdleTimeout { get; }

    public TimeSpan HeadTimeout { get; }

    /// <summary>Answers are the last of their connections.</summary>
    public bool IsStopping => _isStopping;

    /// <summary>Connections that are served here.</summary>
    public int Count
    {
        get
        {
            lock (_free) return _count;
        }
    }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (await _given.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
        {
            if (_given.Reader.TryRead(out var connection)) return connection;
        }

        return null;
    }

    /// <summary>Takes no more connections, closes those that are idle, and waits for posts under way until it is cancelled.</summary>
    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        if (_isStopping) return;
        _isStopping = true;
        SocketCalls.Control(_poll, SocketCalls.EpollDelete, _listening, 0, 0);
        SocketCalls.Shutdown(_listening); // closed once no thread can accept from its number any more
        _given.Writer.TryComplete();
        CloseAll(idleOnly: true);
        if (Count > 0) await Task.WhenAny(_empty.Task, Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken)).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) == 1) return;
        using (var ended = new CancellationTokenSource())
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await UnbindAsync(ended.Token).ConfigureAwait(false);
        }

        await _clock.DisposeAsync().ConfigureAwait(false);
        CloseAll(idleOnly: false);
        SocketCalls.Control(_poll, SocketCalls.EpollAdd, _end, SocketCalls.EpollIn, EndData);
        foreach (var thread in _threads) thread.Join();
        _socket.Dispose();
        _kestrel.Dispose();

        // What is still being stored arms nothing any more, but may ask: the two descriptors stay for it.
        if (Count > 0) return;
        _ = SocketCalls.Close(_poll);
        _ = SocketCalls.Close(_end);
    }

    /// <summary>When a connection's time is over. For who has it.</summary>
    internal void SetDeadline(int slot, TimeSpan patience)
    {
        var time = _posts.Time;
        Volatile.Write(ref _deadlines[slot], time.GetTimestamp() + Math.Max(1, (long)(patience.TotalSeconds * time.TimestampFrequency)));
    }

    /// <summary>Asks for the next event; false if there will be none.</summary>
    internal bool TryArm(int socket, int operation, uint events, EdgeConnection connection) =>
        Volatile.Read(ref _isDisposed) == 0 && !(_isStopping && connection.IsIdle)
        && SocketCalls.Control(_poll, operation, socket, events, (ulong)connection.Generation << 32 | (uint)connection.Slot);

    /// <summary>Forgets a connection, whose descriptor is the caller's now.</summary>
    internal void Remove(EdgeConnection connection)
    {
        lock (_free)
        {
            _slots[connection.Slot] = null;
            _deadlines[connection.Slot] = 0;
            _free.Push(connection.Slot);
            _count--;
            if (_isStopping && _count == 0) _empty.TrySetResult();
        }
    }

    /// <summary>Kestrel has the connection from here on.</summary>
    internal void GiveAway(EdgeConnection connection, int file)
    {
        Remove(connection);
        SocketCalls.Control(_poll, SocketCalls.EpollDelete, file, 0, 0);
        var handle = new SafeSocketHandle(file, ownsHandle: true);
        try
        {
            var socket = new Socket(handle) { NoDelay = true };
            var given = _kestrel.Create(socket);
            if (_given.Writer.TryWrite(given)) return;
            given.Abort(); // the port is closed; its own loops end it
        }
        catch (Exception e)
        {
            handle.Dispose();
            if (e is not SocketException) throw; // that is one that was reset meanwhile
        }
    }

    private void Serve()
    {
        while (true)
        {
            if (!SocketCalls.Wait(_poll, out var events, out var data)) continue;
            if (data == EndData) return;
            if (data == AcceptData)
            {
                AcceptMany();
                continue;
            }

            // A stale event of a connection that is gone names a slot that is empty, or has another generation.
            if (Volatile.Read(ref _slots[(int)(uint)data]) is not { } connection || connection.Generation != (uint)(data >> 32)
                || !connection.TryTake())
                continue;
            if ((events & (SocketCalls.EpollError | SocketCalls.EpollHangUp)) == 0)
                connection.Run((events & SocketCalls.EpollReadHangUp) != 0);
            else connection.Close(); // reset: nobody would read an answer
        }
    }

    private void AcceptMany()
    {
        for (var i = 0; i < MaxAccepted && !_isStopping; i++)
        {
            var file = SocketCalls.Accept(_listening);
            if (file >= 0)
            {
                if (TryServe(file)) continue;
                _isAcceptPaused = true;
                return;
            }

            var error = Marshal.GetLastPInvokeError();
            if (error == SocketCalls.ErrorAgain) break;
            // that one was reset
            if (error is not (SocketCalls.ErrorTooManyFiles or SocketCalls.ErrorFileTableFull or SocketCalls.ErrorNoMemory
                or SocketCalls.ErrorNoBuffers))
                continue;
            _isAcceptPaused = true; // who waits stays in the kernel's line until the clock looks again
            return;
        }

        ArmAccept();
    }

    private void ArmAccept()
    {
        if (!_isStopping)
            SocketCalls.Control(_poll, SocketCalls.EpollModify, _listening, SocketCalls.EpollIn | SocketCalls.EpollOneShot, AcceptData);
    }

    // False: there is no memory for one more connection; this one is closed.
    private bool TryServe(int file)
    {
        try
        {
            var connection = TryAdd(file);
            if (connection is null && TryCloseIdle()) connection = TryAdd(file);
            if (connection is null) _ = SocketCalls.Close(file);
            else connection.Begin();
            return true;
        }
        catch (OutOfMemoryException)
        {
            _ = SocketCalls.Close(file);
            return false;
        }
    }

    private EdgeConnection? TryAdd(int file)
    {
        lock (_free)
        {
            if (_count == _slots.Length) return null;
            // What takes memory comes first: without any, nothing has changed.
            var isUsedAgain = _free.TryPeek(out var slot);
            if (!isUsedAgain) slot = _usedSlots;
            var connection = new EdgeConnection(this, _posts, file, slot, ++_generation & 0x7FFF_FFFF);
            if (isUsedAgain) _free.Pop();
            else _usedSlots++;
            _count++;
            return _slots[slot] = connection;
        }
    }

    // Silent ones must not keep others out: the one that would be closed first is closed now.
    private bool TryCloseIdle()
    {
        EdgeConnection? first = null;
        var earliest = long.MaxValue;
        for (var slot = 0; slot < _slots.Length; slot++)
        {
            var deadline = Volatile.Read(ref _deadlines[slot]);
            if (deadline == 0 || deadline >= earliest || Volatile.Read(ref _slots[slot]) is not { IsIdle: true } connection) continue;
            (first, earliest) = (connection, deadline);
        }

        if (first is null || !first.TryTake(idleOnly: true)) return false;
        first.Close();
        return true;
    }

    private void Tick()
    {
        if (_isAcceptPaused)
        {
            _isAcceptPaused = false;
            ArmAccept();
        }

        var now = _posts.Time.GetTimestamp();
        var used = Volatile.Read(ref _usedSlots);
        for (var slot = 0; slot < used; slot++)
        {
            var deadline = Volatile.Read(ref _deadlines[slot]);
            if (deadline == 0 || deadline > now || Volatile.Read(ref _slots[slot]) is not { } connection || !connection.TryTake()) continue;
            connection.Expire();
        }
    }

    private void CloseAll(bool idleOnly)
    {
        for (var slot = 0; slot < Volatile.Read(ref _usedSlots); slot++)
        {
            if (Volatile.Read(ref _slots[slot]) is { } connection && connection.TryTake(idleOnly)) connection.Close();
        }
    }
}
