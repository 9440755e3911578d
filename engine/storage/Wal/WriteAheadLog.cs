using Tempo.Engine.Foundation;

namespace Tempo.Engine.Storage.Wal;

/// <summary>
/// The write-ahead log: what was acknowledged is in it until a block holds it. Thread safe.
/// <code>
/// append   1 the caller's thread computes the payload's checksum and queues the append; or, if nobody commits and syncs are quick, goes on
///            with 2 itself
///          2 the commit thread takes what is queued: finds a place for each record, writes them with one call per
///            segment, syncs, and only then completes them: many appends to a sync
/// roll     later appends name a new generation, in files of its own; those under way still end in the old one
/// release  the old generation is in blocks: its files are reused or deleted, durably, before the call returns
/// replay   after a restart: the generations that were not released
/// </code>
/// Failures: a segment that could not be written or synced is never used again, every append of that group fails, and the
/// next one goes to a new segment. On a full disk appends answer <see cref="WalStatus.Full"/>, before they depend on the
/// space, until there is some. FORMAT.md draws the files.
/// </summary>
public sealed partial class WriteAheadLog : IDisposable
{
    /// <summary>Longest payload of an append, in bytes: 64 MiB.</summary>
    public const int MaxPayloadBytes = WalFormat.MaxPayloadBytes;

    private readonly WalOptions _options;
    private readonly WalMetrics _metrics;
    private readonly SegmentFolder _folder;
    private readonly TimeProvider _time;
    private readonly Lock _rollLock = new();
    private readonly List<WalGeneration> _unreleased = []; // their release failed and is tried again; guarded by _rollLock
    private readonly List<WalGeneration> _own = [];        // of this run and not released; guarded by _rollLock
    private WalGeneration _current;
    private string _trouble = ""; // each message a string of its own: by its reference CheckAgain knows which one it has seen

    private WriteAheadLog(WalOptions options, WalMetrics metrics, SegmentFolder folder, TimeProvider time)
    {
        _options = options;
        _metrics = metrics;
        _folder = folder;
        _time = time;
        Recovered = [.. folder.Found.OrderBy(static g => g.Key).Select(g => new WalGeneration(this, g.Key, g.Value))];
        _own.Add(_current = new WalGeneration(this, (ulong)folder.Epoch << 32 | 1));
        if (folder.Replenish() is not DiskError.None and var error) Tell($"allocate a spare segment: {error}");
        if (options.OwnCommitThread) _thread = StartCommitThread();
    }

    /// <summary>
    /// Opens the log in a folder (made if it is not there, "" for the disk's root) and locks it. A full disk is no error
    /// here: what is there can be read. Throws <see cref="WalException"/> if the folder is in use or cannot be read or written.
    /// </summary>
    /// <param name="time">The clock that syncs are measured with.</param>
    /// <param name="marks">Source of the random marks that tell the lives of a segment file apart; the system's by default.</param>
    public static WriteAheadLog Open(
        IDisk disk, string folder, WalOptions options, MetricRegistry registry, TimeProvider? time = null, Func<ulong>? marks = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.SegmentBytes is < WalFormat.MinSegmentBytes or > WalFormat.MaxSegmentBytes)
            throw new WalException(
                $"a segment of {options.SegmentBytes} bytes: the limits are {WalFormat.MinSegmentBytes} and {WalFormat.MaxSegmentBytes}");
        var metrics = new WalMetrics(registry);
        var segments = new SegmentFolder(disk, folder, options, metrics, marks ?? RandomMark);
        segments.Open();
#pragma warning disable RS0030 // of who hands in none
        return new WriteAheadLog(options, metrics, segments, time ?? TimeProvider.System);
#pragma warning restore RS0030
    }

    /// <summary>A random number that belongs to this log for as long as its folder lives.</summary>
    public ulong Identity => _folder.Identity;

    /// <summary>The generation that new appends should name.</summary>
    public WalGeneration Current => Volatile.Read(ref _current);

    /// <summary>What earlier runs left, oldest first. Replay and release each.</summary>
    public IReadOnlyList<WalGeneration> Recovered { get; }

    /// <summary>
    /// What fails at the moment; empty while appends succeed. Once the commit thread has ended it says so for good: nothing
    /// but a new start helps then.
    /// </summary>
    public string LastError => HasEnded ? Ended : Volatile.Read(ref _trouble);

    /// <summary>The commit thread has ended by an error of its own: no append succeeds any more.</summary>
    public bool HasEnded => Volatile.Read(ref _fault) is not null;

    /// <summary>There is little space left on the disk: the sooner the logged data becomes blocks, the better.</summary>
    public bool IsShort => _folder.IsShort;

    /// <summary>There is no space for a segment: appends are refused until some is released, or the disk has space.</summary>
    public bool IsFull => _folder.IsFull;

    /// <summary>What is free on the log's disk; null if nothing is kept free, or the disk does not tell.</summary>
    public long? DiskFreeBytes => _folder.FreeBytes;

    /// <summary>What the log keeps free there.</summary>
    public long DiskKeptBytes => _folder.KeptBytes;

    /// <summary>Names in the log's folder that look like its own and cannot be. They are left alone.</summary>
    public IReadOnlyList<string> Strays => _folder.Strays;

    /// <summary>Gives up files that are held ready if little space is left. For a cut, before it writes.</summary>
    public void MakeRoom() => _folder.MakeRoom();

    /// <summary>Begins a new generation and returns it. Does not touch the disk.</summary>
    public WalGeneration Roll()
    {
        lock (_rollLock)
        {
            var next = new WalGeneration(this, _current.Number + 1);
            _own.Add(next);
            Volatile.Write(ref _current, next);
            return next;
        }
    }

    /// <summary>
    /// Frees the files of a generation whose appends have all completed and whose data is safe elsewhere. After
    /// <see cref="DiskError.None"/> it does not come back, whatever happens. After an error it may come back at the next
    /// start; the next release tries again.
    /// </summary>
    public DiskError Release(WalGeneration generation)
    {
        ArgumentNullException.ThrowIfNull(generation);
        lock (_rollLock)
        {
            if (!generation.BelongsTo(this)) throw new ArgumentException("a generation of another log", nameof(generation));
            if (generation == _current) throw new InvalidOperationException($"generation {generation.Number:x} takes appends: roll first");
            generation.BeginRelease();
            _own.Remove(generation);
            if (!_unreleased.Contains(generation)) _unreleased.Add(generation);
            while (_unreleased.Count > 0)
            {
                var error = _folder.Release(_unreleased[0].Files);
                if (error != DiskError.None)
                {
                    Tell($"release generation {_unreleased[0].Number:x}: {error}");
                    return error;
                }

                _unreleased.RemoveAt(0);
            }

            return DiskError.None;
        }
    }

    /// <summary>
    /// While something fails: looks whether a segment can be had, written and synced again, and only if so clears
    /// <see cref="LastError"/>. For an owner that is asked for its health: without it, only an append could find out, and a
    /// node that says it is not ready may be sent none.
    /// </summary>
    public void CheckAgain()
    {
        var seen = Volatile.Read(ref _trouble);
        if (HasEnded || seen.Length == 0 || _folder.Probe() != DiskError.None) return;
        Interlocked.CompareExchange(ref _trouble, "", seen); // what has failed meanwhile stays
    }

    internal SegmentFolder Folder => _folder;

    internal WalMetrics Metrics => _metrics;

    private void Tell(string trouble) => Volatile.Write(ref _trouble, trouble);

#pragma warning disable RS0030 // the log's identity, once in its life
    private static ulong RandomMark() => KernelRandom.NextUInt64();
#pragma warning restore RS0030
}
