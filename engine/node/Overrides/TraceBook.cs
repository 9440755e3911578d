using System.Numerics;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node.Overrides;

/// <summary>Spans that a tenant's trace limits refuse, by reason, and the traces they are of.</summary>
public sealed class RefusedTraces
{
    /// <summary>Traces of which no span of this request is taken.</summary>
    public HashSet<TraceId> Traces { get; } = new(KeyedIds.Instance);

    public int TooLargeSpans { get; internal set; }
    public int LiveTracesExceededSpans { get; internal set; }

    /// <summary>One of the traces that are too large, and what it would have grown to.</summary>
    public (TraceId Id, long Bytes, long AddedBytes) TooLarge { get; internal set; }

    // A sender chooses the ids, so the hash must not be one it can foresee.
    private sealed class KeyedIds : IEqualityComparer<TraceId>
    {
        public static readonly KeyedIds Instance = new();

        public bool Equals(TraceId x, TraceId y) => x == y;

        public int GetHashCode(TraceId id) => (int)KeyedHash.Of(id.High, id.Low);
    }
}

/// <summary>
/// How large each recent trace of a tenant is, and how many are live: what <c>max_bytes_per_trace</c> and
/// <c>max_traces_per_user</c> are held against. A trace is live until it has been idle for a while; its size is remembered
/// for longer, as its earlier spans may be in a block by then.
/// <para>
/// A request is judged trace by trace: its spans of a trace are all taken or all refused. Cost: one look-up for each run of
/// spans of the same trace. Memory: 64 bytes for each trace that there is room for, which is at most twice as many as there
/// are, and <see cref="MaxEntries"/>; beyond, the oldest are forgotten (of a request of more traces than that, once it has been
/// judged). The tables become small again when few traces remain. Thread safe.
/// </para>
/// </summary>
public sealed class TraceBook(TimeProvider time)
{
    /// <summary>Traces that are remembered at most between requests: 64 MiB of them.</summary>
    public const int MaxEntries = 1 << 20;

    private const int SmallestTable = 16;

    /// <summary>How long the size of a trace is remembered after its last span.</summary>
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(5);

    /// <summary>What is forgotten is looked for so often, even if the table does not fill up.</summary>
    private static readonly TimeSpan CleanInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private Entry[] _entries = new Entry[SmallestTable];
    private int[] _slots = new int[2 * SmallestTable]; // index + 1 of an entry; a power of two, at least twice the entries
    private int _count;
    private int _cleanAtCount = SmallestTable;
    private long _cleanedAt = time.GetTimestamp();
    private int _liveCount;
    private long? _liveCountedAt;
    private int _request;

    /// <summary>Traces that count against the limit, as of the last request.</summary>
    public int LiveCount
    {
        get
        {
            lock (_lock) return _liveCount;
        }
    }

    /// <summary>Traces that are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _count;
        }
    }

    /// <summary>Traces that the tables have room for.</summary>
    public int Capacity
    {
        get
        {
            lock (_lock) return _entries.Length;
        }
    }

    /// <summary>Forgets what is old; for a tenant that has become silent, whose own requests do not do it.</summary>
    public void Trim()
    {
        lock (_lock) CleanIfDue(time.GetTimestamp());
    }

    /// <summary>Takes the runs into the book; null, or what is refused (and is not in the book then).</summary>
    /// <param name="runs">Of one request.</param>
    /// <param name="maxBytesPerTrace">0: no limit.</param>
    /// <param name="maxLiveTraces">0: no limit.</param>
    /// <param name="idle">After which a trace is not live any more.</param>
    public RefusedTraces? Admit(ReadOnlySpan<TraceRun> runs, long maxBytesPerTrace, int maxLiveTraces, TimeSpan idle)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            CleanIfDue(now);
            CountLive(now, idle);
            _request++;
            var first = -1;
            var places = maxLiveTraces > 0 ? Math.Max(0, maxLiveTraces - _liveCount) : int.MaxValue;
            RefusedTraces? refused = null;
            foreach (var run in runs)
            {
                if (!Gather(run, ref first, ref places, now, idle, refused)) RefuseLive(run.Id, run.Spans, ref refused);
            }

            for (var i = first; i >= 0; i = _entries[i].NextOfRequest) Judge(ref _entries[i], now, idle, maxBytesPerTrace, ref refused);
            if (_count > MaxEntries) CleanIfDue(now);
            return refused;
        }
    }

    /// <summary>Takes back what a request added that was not stored after all. A trace that has nothing else is not live.</summary>
    public void TakeBack(ReadOnlySpan<TraceRun> runs, RefusedTraces? refused)
    {
        lock (_lock)
        {
            foreach (var run in runs)
            {
                if (refused?.Traces.Contains(run.Id) == true || Find(run.Id) is not (var i and >= 0)) continue;
                ref var entry = ref _entries[i];
                entry.Bytes = Math.Max(0, entry.Bytes - run.Bytes);
                if (entry.Bytes > 0 || !entry.IsSeen) continue;
                entry.IsSeen = false;
                _liveCount = Math.Max(0, _liveCount - 1); // it may have been idle when they were counted last
            }
        }
    }

    // False for a trace that is not live and has no place left: it is not even written down, so that a flood of new traces
    // costs nothing.
    private bool Gather(TraceRun run, ref int first, ref int places, long now, TimeSpan idle, RefusedTraces? refused)
    {
        var i = Find(run.Id);
        if (i < 0 || _entries[i].Request != _request)
        {
            var isLive = i >= 0 && IsLive(_entries[i], now, idle);
            if (!isLive && (places == 0 || refused?.Traces.Contains(run.Id) == true)) return false;
            if (!isLive) places--;
            if (i < 0) i = Add(run.Id);
        }

        ref var entry = ref _entries[i];
        if (entry.Request != _request)
        {
            entry.Request = _request;
            entry.NextOfRequest = first;
            entry.AddedBytes = 0;
            entry.AddedSpans = 0;
            first = i;
        }

        entry.AddedBytes += run.Bytes;
        entry.AddedSpans += run.Spans;
        return true;
    }

    private bool IsLive(in Entry entry, long now, TimeSpan idle) => entry.IsSeen && time.GetElapsedTime(entry.SeenAt, now) <= idle;

    private static void RefuseLive(TraceId id, int spans, ref RefusedTraces? refused)
    {
        refused ??= new RefusedTraces();
        refused.Traces.Add(id);
        refused.LiveTracesExceededSpans += spans;
    }

    private void Judge(ref Entry entry, long now, TimeSpan idle, long maxBytes, ref RefusedTraces? refused)
    {
        if (maxBytes > 0 && entry.Bytes + entry.AddedBytes > maxBytes)
        {
            refused ??= new RefusedTraces();
            refused.Traces.Add(entry.Id);
            refused.TooLargeSpans += entry.AddedSpans;
            refused.TooLarge = (entry.Id, entry.Bytes, entry.AddedBytes);
            return;
        }

        if (!IsLive(entry, now, idle)) _liveCount++;
        entry.Bytes += entry.AddedBytes;
        entry.SeenAt = now;
        entry.IsSeen = true;
    }

    // A trace leaves the count when it has been idle; looked at once a second at most, for all of them.
    private void CountLive(long now, TimeSpan idle)
    {
        if (_liveCountedAt is { } at && time.GetElapsedTime(at, now) < TimeSpan.FromSeconds(1)) return;
        _liveCountedAt = now;
        _liveCount = 0;
        for (var i = 0; i < _count; i++)
            if (IsLive(_entries[i], now, idle)) _liveCount++;
    }

    // Each of the three costs a walk over all entries, and is so rare that an entry pays for a few of them.
    private void CleanIfDue(long now)
    {
        if (_count < _cleanAtCount && time.GetElapsedTime(_cleanedAt, now) < CleanInterval) return;
        _cleanedAt = now;
        var before = _count;
        Keep(entry => entry.IsSeen && time.GetElapsedTime(entry.SeenAt, now) <= Remembered);
        if (_count >= MaxEntries) KeepNewest(MaxEntries / 2);
        _cleanAtCount = Math.Clamp(_count * 2, SmallestTable, MaxEntries);
        if (_count == before) return;
        _liveCountedAt = null;
        if (_cleanAtCount <= _entries.Length / 4 || _entries.Length > MaxEntries) Resize(_cleanAtCount);
        else Rehash();
    }

    private void KeepNewest(int count)
    {
        var times = new long[_count];
        for (var i = 0; i < _count; i++) times[i] = _entries[i].SeenAt;
        Array.Sort(times);
        var oldest = times[_count - count];
        // Many may have the same time: they came with one request.
        var places = times.AsSpan(_count - count).Count(oldest);
        Keep(entry => entry.SeenAt > oldest || (entry.SeenAt == oldest && places-- > 0));
    }

    private void Keep(Predicate<Entry> isKept)
    {
        var kept = 0;
        for (var i = 0; i < _count; i++)
            if (isKept(_entries[i])) _entries[kept++] = _entries[i];
        _count = kept;
    }

    private void Resize(int capacity)
    {
        Array.Resize(ref _entries, capacity);
        _slots = new int[BitOperations.RoundUpToPowerOf2((uint)capacity * 2)];
        Rehash();
    }

    private void Rehash()
    {
        Array.Clear(_slots);
        for (var i = 0; i < _count; i++) _slots[FreeSlot(_entries[i].Id)] = i + 1;
    }

    private int FreeSlot(TraceId id)
    {
        var mask = _slots.Length - 1;
        var slot = (int)KeyedHash.Of(id.High, id.Low) & mask;
        while (_slots[slot] != 0) slot = (slot + 1) & mask;
        return slot;
    }

    private int Find(TraceId id)
    {
        var mask = _slots.Length - 1;
        for (var slot = (int)KeyedHash.Of(id.High, id.Low) & mask; ; slot = (slot + 1) & mask)
        {
            if (_slots[slot] == 0) return -1;
            if (_entries[_slots[slot] - 1].Id == id) return _slots[slot] - 1;
        }
    }

    // By the traces that are there, not by the runs that a request claims to have of them.
    private int Add(TraceId id)
    {
        if (_count == _entries.Length) Resize(_count < MaxEntries ? _count * 2 : _count + _count / 4);
        _entries[_count] = new Entry { Id = id };
        _slots[FreeSlot(id)] = ++_count;
        return _count - 1;
    }

    private struct Entry
    {
        public TraceId Id;
        public long Bytes;
        public long SeenAt;
        public long AddedBytes;
        public int AddedSpans;
        public int Request;
        public int NextOfRequest;

        /// <summary>Some span of it was taken.</summary>
        public bool IsSeen;
    }
}
