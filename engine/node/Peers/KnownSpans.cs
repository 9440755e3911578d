using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Engine.Node.Peers;

/// <summary>
/// Which live spans of a tenant queries of this node have from where, by their fingerprints, so that of a span that two or three nodes hold one copy is sent and
/// none that this node holds itself:
/// <code>
/// own     what was live here when a query asked or a cut ended: now and later it is in this node's own view
/// claims  a copy of another node's live data claims the spans that nobody has: they are its own from then on. Who leaves out a span that another one has
///         claimed needs it: the other one must be among the sources of each query
/// rounds  each query that asks is one. What is asked for a round does not leave out what was claimed in a later one, so that all that is needed is in the
///         answers to questions of this round or of those before it, which are the ones that the round's query waits for
/// </code>
/// Forgets the oldest half when it is full, which costs copying and nothing else. Thread safe.
/// </summary>
internal sealed class KnownSpans
{
    /// <summary>The source of what this node has itself.</summary>
    private const int Own = 0;

    private const int MinHalf = 1 << 18;

    /// <summary>Of a half, so that nothing is known for longer than two of them: what expired or was deleted may be sent again.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(15);

    private readonly Lock _lock = new();
    private readonly SpanFingerprints _hashes;
    private readonly Dictionary<long, int> _ownRows = []; // known so far, by serial of the batch
    private FingerprintTable _recent = new();
    private FingerprintTable _older = new();
    private ulong[] _scratch = [];
    private readonly TimeProvider _time;
    private long _since; // the recent half's beginning
    private int _maxHalf = MinHalf;
    private int _round;

    // By owner's number; this node itself is the first.
    private readonly List<SpanSource> _sources = [new SpanSource(Own)];

    public KnownSpans(TimeProvider time)
    {
        (_time, _since) = (time, time.GetTimestamp());
#pragma warning disable RS0030 // the key that keeps senders from choosing collisions; no answer depends on it
        Key = KernelRandom.NextUInt64() | 1;
#pragma warning restore RS0030
        _hashes = new SpanFingerprints(Key);
    }

    /// <summary>Of all fingerprints here; never 0.</summary>
    public ulong Key { get; }

    /// <summary>A source that claims spans.</summary>
    public SpanSource NewSource()
    {
        lock (_lock)
        {
            var source = new SpanSource(_sources.Count);
            _sources.Add(source);
            return source;
        }
    }

    /// <summary>A query is about to ask.</summary>
    public int NewRound() => Interlocked.Increment(ref _round);

    /// <summary>Notes what this node has itself.</summary>
    /// <param name="live">Batches with rows that may be new.</param>
    /// <param name="isAll">These are all of the view's: of others nothing more will come.</param>
    public void AddOwn(IReadOnlyList<LiveBatchView> live, bool isAll)
    {
        lock (_lock)
        {
            if (isAll)
            {
                foreach (var gone in _ownRows.Keys.Except(live.Select(static view => view.Batch.Serial)).ToList()) _ownRows.Remove(gone);
                _maxHalf = Math.Max(MinHalf, 2 * live.Sum(static view => view.SpanCount));
            }

            foreach (var view in live)
            {
                var first = _ownRows.GetValueOrDefault(view.Batch.Serial);
                if (first >= view.SpanCount) continue;
                _ownRows[view.Batch.Serial] = view.SpanCount;
                GrowableArray.Reserve(ref _scratch, view.SpanCount - first);
                var fingerprints = _scratch.AsSpan(0, view.SpanCount - first);
                _hashes.Of(view.Columns, first, fingerprints);
                foreach (var fingerprint in fingerprints) Set(fingerprint, new Claim(Own, 0));
            }
        }
    }

    /// <summary>
    /// Claims those spans that nobody has, and marks them among <paramref name="wanted"/>, with those that the source had claimed itself. Of the others, those who have claimed them come into
    /// <paramref name="needs"/>; null: they are wanted, too.
    /// </summary>
    /// <returns>How many are wanted.</returns>
    public int TryClaim(ReadOnlySpan<ulong> fingerprints, SpanSource source, int round, Span<ulong> wanted, HashSet<SpanSource>? needs)
    {
        lock (_lock)
        {
            ForgetOld();
            var count = 0;
            for (var i = 0; i < fingerprints.Length; i++)
            {
                if (!TryFind(fingerprints[i], out var claim)) Set(fingerprints[i], new Claim(source.Number, round));
                else if (claim.Owner == Own) continue;
                else if (claim.Owner != source.Number && claim.Round <= round && needs is not null)
                {
                    needs.Add(_sources[claim.Owner]);
                    continue;
                }

                wanted[i >> 6] |= 1UL << i;
                count++;
            }

            return count;
        }
    }

    private bool TryFind(ulong fingerprint, out Claim claim) =>
        (_recent.TryFind(fingerprint, out claim) || _older.TryFind(fingerprint, out claim)) && !_sources[claim.Owner].IsGivenUp;

    private void Set(ulong fingerprint, Claim claim)
    {
        if (_recent.Count >= _maxHalf) Rotate(_time.GetTimestamp());
        _recent.Set(fingerprint, claim);
    }

    // By the clock, not by when somebody asks: a half that is over ends where its age did.
    private void ForgetOld()
    {
        var age = _time.GetElapsedTime(_since);
        if (age > MaxAge) Rotate(_since + (long)(MaxAge.TotalSeconds * _time.TimestampFrequency));
        if (age > 2 * MaxAge) Rotate(_time.GetTimestamp());
    }

    private void Rotate(long since) => (_older, _recent, _since) = (_recent, new FingerprintTable(), since);

    private readonly record struct Claim(int Owner, int Round);

    // Open addressing, at most half full.
    private sealed class FingerprintTable
    {
        private const int FirstLength = 1024;
        private ulong[] _fingerprints = new ulong[FirstLength]; // 0: free
        private Claim[] _claims = new Claim[FirstLength];

        public int Count { get; private set; }

        public bool TryFind(ulong fingerprint, out Claim claim)
        {
            var slot = SlotOf(_fingerprints, fingerprint);
            claim = _claims[slot];
            return _fingerprints[slot] != 0;
        }

        public void Set(ulong fingerprint, Claim claim)
        {
            var slot = SlotOf(_fingerprints, fingerprint);
            _claims[slot] = claim;
            if (_fingerprints[slot] != 0) return;
            _fingerprints[slot] = Used(fingerprint);
            if (++Count * 2 > _fingerprints.Length) Grow();
        }

        private void Grow()
        {
            var (fingerprints, claims) = (new ulong[_fingerprints.Length * 2], new Claim[_fingerprints.Length * 2]);
            for (var i = 0; i < _fingerprints.Length; i++)
            {
                if (_fingerprints[i] == 0) continue;
                var slot = SlotOf(fingerprints, _fingerprints[i]);
                (fingerprints[slot], claims[slot]) = (_fingerprints[i], _claims[i]);
            }

            (_fingerprints, _claims) = (fingerprints, claims);
        }

        // Where it is, or a free one.
        private static int SlotOf(ulong[] fingerprints, ulong fingerprint)
        {
            fingerprint = Used(fingerprint);
            var mask = fingerprints.Length - 1;
            var slot = (int)(fingerprint >> 32) & mask;
            while (fingerprints[slot] != 0 && fingerprints[slot] != fingerprint) slot = (slot + 1) & mask;
            return slot;
        }

        private static ulong Used(ulong fingerprint) => fingerprint == 0 ? 1 : fingerprint;
    }
}

/// <summary>One who has spans: this node, or its copy of another one's live data from some beginning on.</summary>
internal sealed class SpanSource(int number)
{
    private volatile bool _isGivenUp;

    /// <summary>Among those of its <see cref="KnownSpans"/>.</summary>
    public int Number { get; } = number;

    /// <summary>What it has claimed is nobody's any more: it is not to be had, or not for long.</summary>
    public bool IsGivenUp => _isGivenUp;

    public void GiveUp() => _isGivenUp = true;
}
