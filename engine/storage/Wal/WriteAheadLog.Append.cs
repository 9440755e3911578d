using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

// The callers' side: the queue.
public sealed unsafe partial class WriteAheadLog
{
    // A plain object, because the commit thread waits on it.
    private readonly object _queueLock = new();
    private PendingAppend? _queueHead; // guarded by _queueLock, like all of these
    private PendingAppend? _queueTail;
    private PendingAppend? _free;
    private int _freeCount;
    private bool _isCommitting; // a group is being written, by the thread or by a caller, who then has all that is the committing side's
    private bool _hasNextLeader; // a caller waits for the committing side
    private bool _closed;
    private Exception? _fault;

    // Where the next leader waits, apart from the commit thread, which is not to wake for it.
    private readonly object _turnLock = new();
    private bool _isTurn; // guarded by _turnLock

    /// <summary>Appends a buffer's content; see the other overload.</summary>
    public ValueTask<WalResult> AppendAsync(WalGeneration generation, TenantId tenant, NativeBuffer payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        return AppendAsync(generation, tenant, payload.Pointer, payload.Length);
    }

    /// <summary>
    /// Appends a record to a generation that was not released. The memory must stay valid and unchanged until the task
    /// completes; await it exactly once. Throws for a payload that is empty or longer than
    /// <see cref="MaxPayloadBytes"/>, and for a generation that takes no appends. Once the commit thread has ended
    /// every append answers <see cref="WalStatus.Failed"/>.
    /// </summary>
    public ValueTask<WalResult> AppendAsync(WalGeneration generation, TenantId tenant, byte* payload, int payloadBytes)
    {
        ArgumentNullException.ThrowIfNull(generation);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(payloadBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(payloadBytes, WalFormat.MaxPayloadBytes);
        if (!generation.BelongsTo(this)) throw new ArgumentException("a generation of another log", nameof(generation));

        generation.EnterAppend();
        PendingAppend? append = null;
        lock (_queueLock)
        {
            if (_free is not null)
            {
                append = _free;
                _free = append.Next;
                _freeCount--;
            }
        }

        append ??= new PendingAppend(this);
        var task = append.Begin(generation, tenant, payload, payloadBytes);
        switch (Enqueue(append))
        {
            case QueuePlace.Queued:
                return task;
            case QueuePlace.Leads:
                LeadGroup(append);
                return task;
            case QueuePlace.LeadsNext:
                LeadNext(append);
                return task;
        }

        generation.LeaveAppend();
        ObjectDisposedException.ThrowIf(_fault is null, this);
        return new ValueTask<WalResult>(new WalResult(WalStatus.Failed, 0, 0, $"the write-ahead log: {Ended}"));
    }

    /// <summary>A caller waits to commit what is queued.</summary>
    internal bool HasNextLeader
    {
        get
        {
            lock (_queueLock) return _hasNextLeader;
        }
    }

    private string Ended => $"the commit thread has ended, nothing can be stored before a restart: {_fault?.Message}";

    internal void Recycle(PendingAppend append)
    {
        const int MaxFree = 1024; // as many as requests are under way at once; more than that are left to the collector
        lock (_queueLock)
        {
            if (_freeCount >= MaxFree) return;
            append.Next = _free;
            _free = append;
            _freeCount++;
        }
    }

    private QueuePlace Enqueue(PendingAppend append)
    {
        append.Next = null;
        lock (_queueLock)
        {
            if (_closed || _fault is not null) return QueuePlace.Refused;
            if (_queueHead is null && !_isCommitting && CallersMayLead)
            {
                _isCommitting = true;
                return QueuePlace.Leads;
            }

            if (_queueTail is null)
            {
                _queueHead = append;
                if (!_isCommitting) Monitor.Pulse(_queueLock); // only an empty queue has somebody waiting
            }
            else
            {
                _queueTail.Next = append;
            }

            _queueTail = append;
            if (!_isCommitting || _hasNextLeader || !CallersMayLead) return QueuePlace.Queued;
            _hasNextLeader = true;
            return QueuePlace.LeadsNext;
        }
    }

    private enum QueuePlace
    {
        /// <summary>The log takes no appends any more.</summary>
        Refused,
        Queued,

        /// <summary>Nobody commits, and nothing is queued: the caller commits it.</summary>
        Leads,

        /// <summary>It is queued, and the caller commits what is queued as soon as who commits now is done.</summary>
        LeadsNext,
    }
}
