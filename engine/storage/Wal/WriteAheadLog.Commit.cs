using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

// The committing side, one at a time: a caller who finds nobody committing and nothing queued writes and syncs its own record, and is
// spared two threads being woken. The first who comes meanwhile waits for its turn and commits all that is queued by then, itself included;
// the others are told by it. Where a sync takes long all is left to the commit thread, since callers are threads that others need, too: two
// of them wait at the most. In simulation it is whoever calls CommitQueued.
public sealed unsafe partial class WriteAheadLog
{
    private const int MaxGroupRecords = 4096;

    /// <summary>
    /// A sync that takes longer, in the mean of the last, is nothing that a thread of the pool should wait for: two thread switches take
    /// 0.02 ms.
    /// </summary>
    private static readonly TimeSpan MaxLeadersSync = TimeSpan.FromMilliseconds(0.5);

    private readonly Thread? _thread;
    private long _meanSyncTicks; // of TimeSpan, of about the last eight; written by who commits
    private readonly CommitGroup _group = new();
    private readonly List<PendingAppend> _batch = [];
    private readonly List<SegmentWriter> _sealed = [];  // had a successor begun in this group
    private int _completedCount;                        // of the batch
    private PendingAppend? _leaders;                    // of the caller who commits; null: the thread does
    private readonly CompletionLanes _lanes = new(Environment.ProcessorCount, new ThreadPoolCompletions());
    private DiskError _segmentError;                    // why no segment could be begun: asked of the disk once a group
    private string _segmentStep = "";
    private bool _beganSegment;

    /// <summary>
    /// Commits one group of what is queued and returns how many appends it completed. Only for a log without a commit
    /// thread of its own; one caller at a time.
    /// </summary>
    public int CommitQueued()
    {
        if (_thread is not null) throw new InvalidOperationException("this log has a commit thread");
        if (!TryTakeBatch(wait: false)) return 0;
        CommitBatch();
        EndGroup();
        return _batch.Count;
    }

    /// <summary>
    /// Commits what is queued, ends the commit thread and unlocks the folder. What is not released stays to be recovered.
    /// </summary>
    public void Dispose()
    {
        lock (_queueLock)
        {
            if (_closed) return;
            _closed = true;
            Monitor.PulseAll(_queueLock);
        }

        if (_thread is not null) _thread.Join();
        else while (CommitQueued() > 0) { }
        _group.Dispose();
        lock (_rollLock) foreach (var generation in _own) generation.CloseWriter();
        _folder.Dispose();
    }

    private Thread StartCommitThread()
    {
#pragma warning disable RS0030 // the thread that syncs
        var thread = new Thread(CommitLoop) { IsBackground = true, Name = "wal-commit" };
#pragma warning restore RS0030
        thread.Start();
        return thread;
    }

    private void CommitLoop()
    {
        try
        {
            while (TryTakeBatch(wait: true))
            {
                CommitBatch();
                EndGroup();
            }
        }
        catch (Exception e)
        {
            // A broken program, not a broken disk. The next caller hears of it, and those who wait are not left waiting.
            Fail(e);
            EndGroup();
        }
    }

    private bool CallersMayLead => _thread is not null && Volatile.Read(ref _meanSyncTicks) <= MaxLeadersSync.Ticks;

    // On the caller's thread, which has the committing side.
    private void LeadGroup(PendingAppend append)
    {
        _batch.Clear();
        _batch.Add(append);
        CommitLed(append);
    }

    // On the thread of a caller who is queued and the next to commit.
    private void LeadNext(PendingAppend append)
    {
        lock (_turnLock)
        {
            while (!_isTurn) Monitor.Wait(_turnLock);
            _isTurn = false;
        }

        lock (_queueLock) TakeBatch();
        CommitLed(append);
    }

    private void CommitLed(PendingAppend leaders)
    {
        _leaders = leaders;
        try
        {
            if (_batch.Count > 0) CommitBatch(); // none after a fault, which has answered them all
        }
        catch (Exception e)
        {
            Fail(e);
        }

        _leaders = null;
        EndGroup();
    }

    // The committing side goes to the caller who waits for it, or is free.
    private void EndGroup()
    {
        lock (_queueLock)
        {
            if (!_hasNextLeader)
            {
                _isCommitting = false;
                if (_queueHead is not null || _closed || _fault is not null) Monitor.PulseAll(_queueLock);
                return;
            }

            _hasNextLeader = false;
        }

        lock (_turnLock)
        {
            _isTurn = true;
            Monitor.Pulse(_turnLock);
        }
    }

    // False if there is nothing, or with wait if there will be nothing more.
    private bool TryTakeBatch(bool wait)
    {
        lock (_queueLock)
        {
            while (wait && (_isCommitting || _queueHead is null && !_closed && _fault is null)) Monitor.Wait(_queueLock);
            TakeBatch();
            return _isCommitting = _batch.Count > 0;
        }
    }

    private void TakeBatch()
    {
        _batch.Clear();
        long bytes = 0;
        while (_queueHead is { } append && _batch.Count < MaxGroupRecords
            && (bytes += append.PayloadBytes) <= Math.Max(_options.MaxGroupBytes, append.PayloadBytes))
        {
            _batch.Add(append);
            _queueHead = append.Next;
        }

        if (_queueHead is null) _queueTail = null;
    }

    private void CommitBatch()
    {
        _segmentError = DiskError.None;
        _beganSegment = false;
        _completedCount = 0;
        _group.Begin(_batch.Count);
        foreach (var append in _batch) Place(append);
        Failpoints.Hit(Failpoint.WalGroupPlaced);
        _group.WriteRun();
        Failpoints.Hit(Failpoint.WalGroupWritten);
        var failed = _segmentError != DiskError.None;
        foreach (var writer in _group.Writers)
        {
            if (_options.Sync == WalSyncMode.Group) Sync(writer);
            if (writer.Failure == DiskError.None) writer.Acknowledge();
            else failed |= Poison(writer);
        }

        Failpoints.Hit(Failpoint.WalGroupSynced);
        if (!failed) Tell("");
        while (_completedCount < _batch.Count) Complete(_batch[_completedCount++]);
        Failpoints.Hit(Failpoint.WalGroupTold);
        foreach (var writer in _sealed) writer.Dispose();
        _sealed.Clear();
        if (_beganSegment && _segmentError == DiskError.None) Replenish(); // after the answers: nobody waits for it
    }

    private void Place(PendingAppend append)
    {
        var generation = append.Generation;
        var header = new RecordHeader(generation.NextSequence, append.PayloadBytes, append.PayloadCrc, 0, append.Tenant.Length);
        var writer = generation.Writer;
        if (writer is null || !writer.Fits(header.RecordBytes))
        {
            if (_segmentError != DiskError.None) return;
            _segmentError =
                _folder.TryCreate(generation.Number, generation.NextIndex, writer, header.RecordBytes, out var next, out _segmentStep);
            if (_segmentError != DiskError.None)
            {
                Tell($"{_segmentStep}: {_segmentError}");
                return;
            }

            _beganSegment = true;
            generation.Begin(next!);
            if (writer is not null) _sealed.Add(writer);
            writer = next!;
        }

        generation.NextSequence++;
        _group.Add(append, writer, header with { AcknowledgedBytes = (uint)writer.AcknowledgedBytes });
    }

    private void Sync(SegmentWriter writer)
    {
        var started = _time.GetTimestamp();
        writer.Sync();
        var took = _time.GetElapsedTime(started);
        _meanSyncTicks += (took.Ticks - _meanSyncTicks) / 8;
        _metrics.SyncDuration.Observe(took.TotalSeconds);
        if (writer.Failure == DiskError.None) _metrics.Syncs.Add();
    }

    private bool Poison(SegmentWriter writer)
    {
        writer.Entry.IsRecyclable = false;
        _metrics.SyncFailures.Add();
        Tell($"write segment {writer.Entry.Name}: {writer.Failure}");
        return true;
    }

    private void Replenish()
    {
        if (_folder.Replenish() is not DiskError.None and var error) Tell($"allocate a spare segment: {error}");
    }

    private void Complete(PendingAppend append)
    {
        var bytes = append.PayloadBytes;
        var result = ResultOf(append);
        if (result.IsDurable)
        {
            _metrics.Appends.Add();
            _metrics.AppendedBytes.Add(bytes);
        }

        // Before the completion, so that whoever awaited the last append finds the generation without any.
        append.Generation.LeaveAppend();
        append.Result = result;
        // Its own caller is not awaiting yet, and finds it completed.
        if (_thread is null || append == _leaders) append.Tell();
        else _lanes.Add(append);
    }

    private WalResult ResultOf(PendingAppend append)
    {
        if (append.Writer is not { } writer) return Refusal(_segmentError, _segmentStep);
        return writer.Failure == DiskError.None
            ? new WalResult(WalStatus.Durable, writer.Key.Index, append.Offset, null)
            : Refusal(writer.Failure, $"write segment {writer.Entry.Name}");
    }

    private static WalResult Refusal(DiskError error, string step) => error == DiskError.Full
        ? new WalResult(WalStatus.Full, 0, 0, $"the disk of the write-ahead log is full: cannot {step}")
        : new WalResult(WalStatus.Failed, 0, 0, $"the write-ahead log failed to {step}: {error}");

    private void Fail(Exception fault)
    {
        lock (_queueLock)
        {
            _fault = fault;
            for (; _queueHead is { } append; _queueHead = append.Next) _batch.Add(append);
            _queueTail = null;
        }

        _segmentError = DiskError.Failed;
        _segmentStep = "go on after an error of its own";
        while (_completedCount < _batch.Count)
        {
            var append = _batch[_completedCount++];
            append.Writer = null; // nothing of this group is promised, whatever was written
            Complete(append);
        }
    }
}
