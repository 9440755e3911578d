using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The log of one live segment: a run of segment files that are written, replayed and released together. Made by
/// <see cref="WriteAheadLog"/>, either to take appends or, as left by an earlier run, to be replayed.
/// </summary>
public sealed class WalGeneration
{
    private const int Closed = int.MinValue / 2; // far below what any number of mistaken appends could lift above 0

    private readonly WriteAheadLog _log;
    private readonly List<SegmentFile> _files;
    private int _appendCount;

    internal WalGeneration(WriteAheadLog log, ulong number)
    {
        _log = log;
        Number = number;
        _files = [];
    }

    internal WalGeneration(WriteAheadLog log, ulong number, List<SegmentFile> recovered)
    {
        _log = log;
        Number = number;
        _files = recovered;
        _appendCount = Closed;
        IsRecovered = true;
    }

    /// <summary>Greater than that of every generation before it, over restarts too, and never used again.</summary>
    public ulong Number { get; }

    /// <summary>It was left by an earlier run.</summary>
    public bool IsRecovered { get; }

    /// <summary>The tenants that have records in it, without looking at the payloads. Reads the files.</summary>
    public IReadOnlyCollection<TenantId> Tenants()
    {
        var tenants = new HashSet<TenantId>();
        Read(new WalReplay(_log.Folder, Number, payloads: false), (tenant, _) => tenants.Add(tenant));
        return tenants;
    }

    /// <summary>
    /// Gives every record that verifies to <paramref name="visitor"/>, in the order of the appends, each once; the payload
    /// is valid during the call. Damage costs the records it touches and no others. Uses a window of about a megabyte, or
    /// of the longest record. What the visitor throws comes out of here.
    /// </summary>
    public WalReplayReport Replay(WalRecordVisitor visitor)
    {
        var report = Read(new WalReplay(_log.Folder, Number, payloads: true), visitor);
        _log.Metrics.CorruptBytes.Add(report.CorruptBytes);
        return report;
    }

    internal IReadOnlyList<SegmentFile> Files => _files;

    /// <summary>The segment that takes the next record; the committing thread's.</summary>
    internal SegmentWriter? Writer { get; private set; }

    internal uint NextIndex { get; private set; }

    internal ulong NextSequence { get; set; } = 1;

    internal bool BelongsTo(WriteAheadLog log) => _log == log;

    internal void Begin(SegmentWriter writer)
    {
        Writer = writer;
        NextIndex++;
        _files.Add(writer.Entry);
    }

    internal void EnterAppend()
    {
        if (Interlocked.Increment(ref _appendCount) > 0) return;
        Interlocked.Decrement(ref _appendCount);
        throw new InvalidOperationException(
            $"generation {Number:x} takes no appends: it was {(IsRecovered ? "left by an earlier run" : "released")}");
    }

    internal void LeaveAppend() => Interlocked.Decrement(ref _appendCount);

    internal void BeginRelease()
    {
        var count = Interlocked.CompareExchange(ref _appendCount, Closed, 0);
        if (count > 0) throw new InvalidOperationException($"generation {Number:x} has {count} appends under way");
        CloseWriter();
    }

    internal void CloseWriter()
    {
        Writer?.Dispose();
        Writer = null;
    }

    private WalReplayReport Read(WalReplay replay, WalRecordVisitor visitor)
    {
        ArgumentNullException.ThrowIfNull(visitor);
        if (!IsRecovered) throw new InvalidOperationException($"generation {Number:x} is of this run: there is nothing to replay");
        return replay.Run(_files, visitor);
    }
}
