using Tempo.Engine.Foundation;

namespace Tempo.Engine.Node.Peers.Fingerprints;

/// <summary>
/// Who has claimed which spans, by their fingerprints: open addressing of 12 bytes a slot, at most three quarters of them used. Which slot
/// a fingerprint has is this process's secret: its bits are what another node sent. Not thread safe.
/// </summary>
internal sealed class FingerprintTable
{
    private const int SlotBytes = sizeof(ulong) + sizeof(int);
    private const int FirstLength = 1024;
    private const int MaxLength = 1 << 29;
    private readonly List<SpanClaim> _claims = [SpanClaim.Own];
    private ulong[] _fingerprints = new ulong[FirstLength]; // 0: free
    private int[] _numbers = new int[FirstLength]; // of its claim

    public int Count { get; private set; }

    // Without growing there is no room for another one.
    private bool IsFull => (Count + 1) * 4L > _fingerprints.Length * 3L;

    /// <summary>Of the slots, and of the claims that are in them.</summary>
    public long ByteCount => BytesOf(_fingerprints.Length, _claims.Capacity, _claims.Count);

    public SpanClaim? Find(ulong fingerprint)
    {
        var slot = SlotOf(_fingerprints, Used(fingerprint));
        return _fingerprints[slot] == 0 ? null : _claims[_numbers[slot]];
    }

    /// <summary>Whether it takes no more than so many bytes with another span, of another claim. An empty one has room.</summary>
    public bool HasRoom(long maxBytes)
    {
        if (Count == 0) return true;
        var length = IsFull ? _fingerprints.Length * 2L : _fingerprints.Length;
        var capacity = _claims.Count == _claims.Capacity ? _claims.Capacity * 2L : _claims.Capacity;
        return length <= MaxLength && BytesOf(length, capacity, _claims.Count + 1) <= maxBytes;
    }

    public void Set(ulong fingerprint, SpanClaim claim)
    {
        // What needs memory comes first: where there is none, nothing has changed.
        if (IsFull) Grow();
        var number = NumberOf(claim);
        var slot = SlotOf(_fingerprints, Used(fingerprint));
        if (_fingerprints[slot] == 0) Count++;
        (_fingerprints[slot], _numbers[slot]) = (Used(fingerprint), number);
    }

    // Those of one claim come one behind the other.
    private int NumberOf(SpanClaim claim)
    {
        if (claim == SpanClaim.Own) return 0;
        if (!ReferenceEquals(_claims[^1], claim)) _claims.Add(claim);
        return _claims.Count - 1;
    }

    private void Grow()
    {
        var (fingerprints, numbers) = (new ulong[_fingerprints.Length * 2], new int[_fingerprints.Length * 2]);
        for (var i = 0; i < _fingerprints.Length; i++)
        {
            if (_fingerprints[i] == 0) continue;
            var slot = SlotOf(fingerprints, _fingerprints[i]);
            (fingerprints[slot], numbers[slot]) = (_fingerprints[i], _numbers[i]);
        }

        (_fingerprints, _numbers) = (fingerprints, numbers);
    }

    // Where it is, or a free one.
    private static int SlotOf(ulong[] fingerprints, ulong fingerprint)
    {
        var mask = fingerprints.Length - 1;
        var slot = (int)(KeyedHash.Of(fingerprint) & (uint)mask);
        while (fingerprints[slot] != 0 && fingerprints[slot] != fingerprint) slot = (slot + 1) & mask;
        return slot;
    }

    private static long BytesOf(long length, long capacity, long claims) =>
        length * SlotBytes + capacity * IntPtr.Size + claims * SpanClaim.ObjectBytes;

    private static ulong Used(ulong fingerprint) => fingerprint == 0 ? 1 : fingerprint;
}
