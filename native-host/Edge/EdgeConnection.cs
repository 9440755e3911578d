using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Host.Grpc;
using Tempo.Host.Receivers;

namespace Tempo.Host.Edge;

/// <summary>
/// One connection of an <see cref="EdgeListener"/>: some 150 bytes while it is silent, a body's memory once a body comes. One thread at a
/// time has it, from an event until it is armed again; whoever wants it then takes it with <see cref="TryTake"/>.
/// <code>
/// Head      look at what has come, without taking it: wait for more, or give the socket away as it is, or take the head of a plain post
/// Admission wait in line (rarely)
/// Body      straight into the memory that is logged and decoded
/// Storing   on this thread, as far as nothing has to be waited for
/// Answer    one send; what does not go out at once goes when the client reads
/// Drain     the body of a post that was refused before it was read
/// </code>
/// </summary>
internal sealed class EdgeConnection(EdgeListener listener, PlainPosts posts, int socket, int slot, uint generation)
{
    /// <summary>What is looked at of a head; a longer one is Kestrel's.</summary>
    private const int PeekBytes = 8 * 1024;

    /// <summary>
    /// The first piece of a body's memory, unless less is announced; doubled as bytes come. Mostly a body that was there before has left
    /// more.
    /// </summary>
    private const int FirstPieceBytes = 4 * 1024;

    private readonly Lock _lock = new();
    private bool _isArmed; // guarded by _lock; what follows is of who has the connection
    private Phase _phase = Phase.Head;
    private int _peekedBytes; // of a head that was not whole
    private bool _hasEnded;
    private bool _isLast;
    private int _bodyBytes;
    private int _receivedBytes;
    private long _started;
    private TenantId _tenant;
    private string? _sender;
    private RequestBody? _body;
    private byte[]? _unsent;
    private int _unsentStart;
    private bool _isWaitingForMany; // of a body
    private bool _isGone;

    private enum Phase
    {
        Head,
        Admission,
        Body,
        Storing,
        Answer,
        Drain,
    }

    public int Slot => slot;

    public uint Generation => generation;

    /// <summary>Nothing of a request has come: it may be closed at any time.</summary>
    public bool IsIdle => _phase == Phase.Head && _peekedBytes == 0;

    /// <summary>True: the caller has the connection now, and goes on with it or closes it.</summary>
    public bool TryTake(bool idleOnly = false)
    {
        lock (_lock)
        {
            if (!_isArmed || idleOnly && !IsIdle) return false;
            _isArmed = false;
            return true;
        }
    }

    /// <summary>Waits for the first bytes.</summary>
    public void Begin() => Arm(SocketCalls.EpollAdd, SocketCalls.EpollIn, EdgeListener.SilenceTimeout);

    /// <summary>Goes on as far as it can. For who has it.</summary>
    /// <param name="hasEnded">The client sends no more than has come.</param>
    public void Run(bool hasEnded = false)
    {
        _hasEnded |= hasEnded;
        try
        {
            while (Step())
            {
            }
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    /// <summary>Its time is over. For who has it.</summary>
    public void Expire()
    {
        try
        {
            if (_phase == Phase.Body) posts.Observe(408, _started);
            if (_phase == Phase.Body || _peekedBytes > 0)
            {
                _ = SendLast(408);
                return;
            }

            if (_phase == Phase.Drain) Discard(); // it has its answer
            Close();
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    /// <summary>Ends it. For who has it.</summary>
    public void Close()
    {
        ReleaseBody();
        if (_isGone) return;
        _isGone = true;
        listener.Remove(this);
        _ = SocketCalls.Close(socket);
    }

    // True: go on at once. False: it is armed, in other hands, or gone.
    private bool Step() => _phase switch
    {
        Phase.Head => ReadHead(),
        Phase.Body => ReadBody(),
        Phase.Drain => Drain(),
        Phase.Answer => SendRest(),
        _ => false,
    };

    [SkipLocalsInit]
    private unsafe bool ReadHead()
    {
        var bytes = stackalloc byte[PeekBytes];
        var count = Receive(bytes, PeekBytes, SocketCalls.MessagePeek);
        if (count <= 0) return Without(count, EdgeListener.SilenceTimeout);
        var kind = PostHead.Read(new ReadOnlySpan<byte>(bytes, count), posts.Shape, out var head);
        if (kind == HeadKind.Incomplete && count < PeekBytes)
        {
            // It stays in the kernel's memory; the next byte wakes us, or the end of what the client sends, after which it will not be
            // whole.
            if (_hasEnded) return SendLast(400);
            // Woken below the mark, as it is where the kernel is short of memory for it, and would be again at once: Kestrel reads what is
            // there.
            if (count == _peekedBytes) return GiveAway();
            SocketCalls.SetReceiveLowWater(socket, count + 1);
            var isFirst = _peekedBytes == 0;
            _peekedBytes = count;
            return Arm(SocketCalls.EpollModify, SocketCalls.EpollIn | SocketCalls.EpollReadHangUp, isFirst ? listener.HeadTimeout : null);
        }

        if (kind != HeadKind.Plain || head.BodyBytes > posts.MaxBodyBytes || !TryAccept(new ReadOnlySpan<byte>(bytes, count), head))
            return GiveAway();
        ForgetPeeked();
        if (Receive(bytes, head.HeadBytes, 0) != head.HeadBytes) return CloseNow();
        _started = posts.Time.GetTimestamp();
        (_bodyBytes, _receivedBytes) = (head.BodyBytes, 0);
        return Admit();
    }

    private void ForgetPeeked()
    {
        if (_peekedBytes > 0) SocketCalls.SetReceiveLowWater(socket, 1);
        _peekedBytes = 0;
    }

    private bool GiveAway()
    {
        ForgetPeeked();
        _isGone = true;
        listener.GiveAway(this, socket);
        return false;
    }

    private bool TryAccept(ReadOnlySpan<byte> bytes, in PostHead head)
    {
        var text = head.SenderBytes < 0 ? default : bytes.Slice(head.SenderStart, head.SenderBytes);
        if (head.SenderBytes < 0) _sender = null;
        else if (_sender is null || !Ascii.Equals(text, _sender)) _sender = Encoding.ASCII.GetString(text);
        else if (_tenant.Value is { Length: > 0 }) return true;
        return posts.TryAccept(_sender, out _tenant);
    }

    private bool Admit()
    {
        var admission = posts.AdmitAsync();
        if (admission.IsCompleted) return Admitted(admission.Result);
        _phase = Phase.Admission;
        _ = GoOnAsync(admission, static (connection, status) => connection.Admitted(status));
        return false;
    }

    // On whichever thread has the result. The step says whether there is more to do at once, as those of Step do.
    private async Task GoOnAsync<T>(ValueTask<T> waiting, Func<EdgeConnection, T, bool> step)
    {
        try
        {
            if (!step(this, await waiting.ConfigureAwait(false))) return;
        }
        catch (Exception e)
        {
            Fail(e);
            return;
        }

        Run();
    }

    private bool Admitted(in GrpcStatus status)
    {
        if (!status.IsOk) return Refuse(status);
        _phase = Phase.Body;
        return true;
    }

    // The client hears at once, and what it sends meanwhile is thrown away.
    private bool Refuse(in GrpcStatus status)
    {
        ReleaseBody();
        if (_isWaitingForMany) WaitFor(1);
        var (code, answer) = posts.Refuse(status);
        posts.Observe(code, _started);
        return Answer(answer);
    }

    private unsafe bool ReadBody()
    {
        while (_receivedBytes < _bodyBytes)
        {
            _body ??= posts.Memory.Rent();
            var buffer = _body.Buffer;
            var missing = _bodyBytes - _receivedBytes;
            if (buffer.Length == buffer.Capacity && !(buffer.Capacity == 0
                ? buffer.TryReserve(Math.Min(missing, FirstPieceBytes))
                : buffer.TryReserve((int)Math.Min(2L * buffer.Capacity, _bodyBytes))))
                return Refuse(_body.Refusal);
            var count = Receive(buffer.Pointer + buffer.Length, Math.Min(missing, buffer.Capacity - buffer.Length), 0);
            if (count <= 0)
            {
                if (_receivedBytes == 0) ReleaseBody();
                if (count == -1 && posts.WaitsForBytes > 1) WaitFor(Math.Min(missing, posts.WaitsForBytes));
                return Without(count, TimeForBody());
            }

            buffer.Advance(count);
            _receivedBytes += count;
        }

        if (_isWaitingForMany) WaitFor(1);
        _phase = Phase.Storing;
        return Store();
    }

    // One event for all that is missing, instead of one for each piece.
    private void WaitFor(int bytes)
    {
        SocketCalls.SetReceiveLowWater(socket, bytes);
        _isWaitingForMany = bytes > 1;
    }

    private TimeSpan TimeForBody() => BodyPace.Left(_receivedBytes, posts.Time.GetElapsedTime(_started));

    private bool Store()
    {
        var stored = posts.StoreAsync(_tenant, _body!);
        if (stored.IsCompleted) return Stored(stored.Result);
        _ = GoOnAsync(stored, static (connection, result) => connection.Stored(result));
        return false;
    }

    private bool Stored((int Code, byte[] Answer) result)
    {
        ReleaseBody();
        posts.Observe(result.Code, _started);
        return Answer(result.Answer);
    }

    private bool Answer(byte[] answer)
    {
        _isLast = listener.IsStopping;
        if (_isLast) answer = EdgeAnswers.AsLast(answer);
        _phase = Phase.Answer;
        (_unsent, _unsentStart) = (answer, 0);
        return SendRest();
    }

    private unsafe bool SendRest()
    {
        while (_unsentStart < _unsent!.Length)
        {
            nint count;
            fixed (byte* bytes = _unsent)
                count = SocketCalls.Send(socket, bytes + _unsentStart, (nuint)(_unsent.Length - _unsentStart), SocketCalls.MessageNoSignal);
            if (count < 0)
            {
                var error = Marshal.GetLastPInvokeError();
                if (error == SocketCalls.ErrorInterrupted) continue;
                return error == SocketCalls.ErrorAgain
                    ? Arm(SocketCalls.EpollModify, SocketCalls.EpollOut, BodyPace.MaxSilence)
                    : CloseNow();
            }

            _unsentStart += (int)count;
        }

        _unsent = null;
        if (_isLast)
        {
            Discard();
            return CloseNow();
        }

        if (_receivedBytes < _bodyBytes)
        {
            _phase = Phase.Drain;
            return true;
        }

        return AwaitHead();
    }

    [SkipLocalsInit]
    private unsafe bool Drain()
    {
        var bytes = stackalloc byte[PeekBytes];
        while (_receivedBytes < _bodyBytes)
        {
            var count = Receive(bytes, Math.Min(PeekBytes, _bodyBytes - _receivedBytes), 0);
            if (count <= 0) return Without(count, TimeForBody());
            _receivedBytes += count;
        }

        return AwaitHead();
    }

    // If more has come already, that is an event at once.
    private bool AwaitHead()
    {
        _phase = Phase.Head;
        return Arm(SocketCalls.EpollModify, SocketCalls.EpollIn, listener.IdleTimeout);
    }

    // Bytes; 0: the client sends no more; -1: nothing has come; -2: the connection is broken.
    private unsafe int Receive(byte* bytes, int length, int flags)
    {
        while (true)
        {
            var count = SocketCalls.Receive(socket, bytes, (nuint)length, flags);
            if (count >= 0) return (int)count;
            var error = Marshal.GetLastPInvokeError();
            if (error != SocketCalls.ErrorInterrupted) return error == SocketCalls.ErrorAgain ? -1 : -2;
        }
    }

    private bool Without(int count, TimeSpan patience)
    {
        if (count == -1) return Arm(SocketCalls.EpollModify, SocketCalls.EpollIn, patience);
        if (_phase is Phase.Body) posts.Observe(499, _started);
        return CloseNow();
    }

    private bool CloseNow()
    {
        Close();
        return false;
    }

    // Under the lock, so that whoever takes it finds it armed as a whole, or not.
    private bool Arm(int operation, uint events, TimeSpan? patience)
    {
        bool isArmed;
        lock (_lock)
        {
            if (patience is { } time) listener.SetDeadline(slot, time);
            isArmed = _isArmed = listener.TryArm(socket, operation, events | SocketCalls.EpollOneShot, this);
        }

        if (!isArmed) Close();
        return false;
    }

    private unsafe bool SendLast(int code)
    {
        var answer = posts.Answers.Last(code);
        fixed (byte* bytes = answer) _ = SocketCalls.Send(socket, bytes, (nuint)answer.Length, SocketCalls.MessageNoSignal);
        Discard();
        return CloseNow();
    }

    // A socket that is closed with bytes unread is reset, and the client may lose the answer with it.
    [SkipLocalsInit]
    private unsafe void Discard()
    {
        const int MaxReads = 16;
        var bytes = stackalloc byte[PeekBytes];
        for (var i = 0; i < MaxReads && Receive(bytes, PeekBytes, 0) > 0; i++)
        {
        }
    }

    private void ReleaseBody()
    {
        _body?.Dispose();
        _body = null;
    }

    // A fault of ours, which is answered as Kestrel's listener answers it.
    private void Fail(Exception fault)
    {
        var code = fault is OutOfMemoryException ? 503 : 500;
        try
        {
            // Without memory it is no fault of the request's: what is kept in reserve is given up, and the sender comes again.
            if (code == 503) SpareMemory.LetGo();
            Tell(fault);
            posts.Observe(code, _started);
            if (!_isGone) _ = SendLast(code);
        }
        catch (OutOfMemoryException)
        {
            // Not even for that. A connection that ends is heard, one that is silent holds its sender, and the body's share of the memory,
            // for ever.
            Close();
        }
    }

    // A line that there is no memory for is none: the answer is worth more.
    private void Tell(Exception fault)
    {
        try
        {
            posts.Log.Error("request failed", ("method", "POST"), ("path", posts.Shape.Path), ("err", fault.ToString()));
        }
        catch (OutOfMemoryException) when (fault is OutOfMemoryException)
        {
        }
    }
}
