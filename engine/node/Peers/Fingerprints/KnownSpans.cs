using System.Text;
using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Peers.Fingerprints;

/// <summary>
/// Which live spans queries of this node have from where, by their fingerprints, so that of a span that two or three nodes hold one copy is
/// sent and none that this node holds itself:
/// <code>
/// own     what was live here when a query asked or a cut ended: now and later it is in this node's own view (OwnSpans)
/// claims  a copy of another node's live data claims the spans that nobody has: they are its own from then on. Who leaves out a span that
///         another one has
///         claimed needs it: the other one must be among the sources of each query
/// rounds  each query that asks is one. What is asked for a round does not leave out what was claimed in a later one, so that all that is
///         needed is in the
///         answers to questions of this round or of those before it, which are the ones that the round's query waits for
/// </code>
/// One for all tenants: a fingerprint is by a key of its tenant. Forgets the oldest half when it is full, and all where memory is short,
/// which costs copying and nothing else. Thread safe.
/// </summary>
internal sealed class KnownSpans : IKeepsSpareMemory
{
    /// <summary>Spans that are looked up before others have their turn.</summary>
    private const int Lot = 4096;

    /// <summary>Of a half, so that nothing is known for longer than two of them: what expired or was deleted may be sent again.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(15);

    private readonly Lock _lock = new();
    private readonly ulong _key;
    private readonly TimeProvider _time;
    private readonly long _maxHalfBytes;
    private FingerprintTable _recent = new();
    private FingerprintTable _older = new();
    private long _since; // the recent half's beginning
    private long _round;

    /// <param name="maxBytes">What it may take.</param>
    /// <param name="time">Measures how old a half is.</param>
    public KnownSpans(long maxBytes, TimeProvider time)
    {
        (_time, _since, _maxHalfBytes) = (time, time.GetTimestamp(), maxBytes / 2);
#pragma warning disable RS0030 // the key that keeps senders from choosing collisions; no answer depends on it
        _key = KernelRandom.NextUInt64();
#pragma warning restore RS0030
        SpareMemory.Register(this);
    }

    public long ByteCount
    {
        get
        {
            lock (_lock) return _recent.ByteCount + _older.ByteCount;
        }
    }

    /// <summary>Of all fingerprints of a tenant's spans; never 0.</summary>
    public ulong KeyOf(TenantId tenant) => new SharedHash(_key).Of64(Encoding.UTF8.GetBytes(tenant.Value)) | 1;

    /// <summary>A query is about to ask.</summary>
    public long NewRound() => Interlocked.Increment(ref _round);

    /// <summary>Notes what this node has itself.</summary>
    public void AddOwn(ReadOnlySpan<ulong> fingerprints)
    {
        while (fingerprints.Length > 0)
        {
            var lot = fingerprints[..Math.Min(Lot, fingerprints.Length)];
            lock (_lock)
                foreach (var fingerprint in lot)
                    Set(fingerprint, SpanClaim.Own);
            fingerprints = fingerprints[lot.Length..];
        }
    }

    /// <summary>
    /// Claims those spans that nobody has, and says of each whose it is. Where it is the claim's own source, the span is wanted from there.
    /// </summary>
    /// <param name="fingerprints">The spans.</param>
    /// <param name="claim">Who claims them.</param>
    /// <param name="owners">As many.</param>
    public void Claim(ReadOnlySpan<ulong> fingerprints, SpanClaim claim, Span<SpanSource> owners)
    {
        for (var first = 0; first < fingerprints.Length; first += Lot)
        {
            lock (_lock)
            {
                ForgetOld();
                for (var i = first; i < Math.Min(first + Lot, fingerprints.Length); i++)
                {
                    var known = Find(fingerprints[i]);
                    if (known is null) Set(fingerprints[i], claim);
                    owners[i] = known?.Round <= claim.Round ? known.Source : claim.Source;
                }
            }
        }
    }

    /// <summary>Knows nothing any more.</summary>
    public void LetGo()
    {
        lock (_lock)
        {
            Rotate(_time.GetTimestamp());
            Rotate(_time.GetTimestamp());
        }
    }

    private SpanClaim? Find(ulong fingerprint)
    {
        if (_recent.Find(fingerprint) is { Source.IsGivenUp: false } recent) return recent;
        return _older.Find(fingerprint) is { Source.IsGivenUp: false } older ? older : null;
    }

    private void Set(ulong fingerprint, SpanClaim claim)
    {
        if (!_recent.HasRoom(_maxHalfBytes)) Rotate(_time.GetTimestamp());
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
}
