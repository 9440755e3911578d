using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers.Mirrors;

/// <summary>
/// What is here of a batch of a peer's live data. Each of its rows, by its number there, is one of these:
/// <code>
/// here        copied, or this node's own
/// wanted      to be asked for; the next question is for all of them
/// left out    another source has it; wanted once that one is given up
/// new         from Next on: nothing is known of it
/// </code>
/// Whatever throws leaves it in between: then it is to be forgotten. Not thread safe.
/// </summary>
internal sealed class MirroredBatch
{
    private readonly LiveBatch _rows = new();
    private readonly Dictionary<SpanSource, List<int>> _leftOut = [];

    // Ascending. Of one that this source has claimed, the fingerprint by which others leave it out; 0: nobody does.
    private readonly List<(int Row, ulong Fingerprint)> _wanted = [];

    /// <summary>The first row of which nothing is known.</summary>
    public int Next { get; private set; }

    public bool IsWanting => _wanted.Count > 0;

    /// <summary>Who has what is left out.</summary>
    public IEnumerable<SpanSource> Needs => _leftOut.Keys;

    public long ByteCount => _rows.ByteCount + _leftOut.Values.Sum(static rows => (long)rows.Capacity * sizeof(int));

    /// <summary>What is here now; null: nothing.</summary>
    public LiveBatchView? View() => _rows.Columns.SpanCount == 0 ? null : _rows.View();

    /// <summary>Adds rows as a peer sent them. Keys and values were cut to the limit where they came in.</summary>
    public static void Append(LiveBatch batch, ReadOnlySpan<byte> otlp)
    {
        if (otlp.IsEmpty) return;
        var summary = default(OtlpRequestSummary);
        if (!OtlpTraceReader.TryRead(otlp, ref summary, out var error))
            throw new PeerException($"spans between nodes cannot be read: {error.Message}");
        batch.Append(otlp, int.MaxValue);
    }

    /// <summary>All new rows up to <paramref name="next"/>. Throws <see cref="PeerException"/> if they are not so many.</summary>
    public int TakeNew(ReadOnlySpan<byte> otlp, int next)
    {
        var count = next - Next;
        Append(otlp, count);
        Next = next;
        return count;
    }

    /// <summary>The fingerprints of all new rows up to <paramref name="next"/>: claims what nobody has.</summary>
    /// <returns>How many rows became wanted.</returns>
    public int ClaimNew(ReadOnlySpan<ulong> fingerprints, int next, KnownSpans known, SpanClaim claim)
    {
        if (Next + (long)fingerprints.Length != next)
            throw new PeerException($"{fingerprints.Length} fingerprints of a batch of which {next - Next} are missing");
        var owners = new SpanSource[fingerprints.Length];
        known.Claim(fingerprints, claim, owners);
        var before = _wanted.Count;
        for (var i = 0; i < owners.Length; i++)
        {
            if (owners[i] == claim.Source) _wanted.Add((Next + i, fingerprints[i]));
            else if (owners[i] != SpanSource.Own) LeaveOut(Next + i, owners[i]);
        }

        Next = next;
        return _wanted.Count - before;
    }

    /// <summary>What was left out for a source that is given up is wanted.</summary>
    public void WantWhatIsGivenUp()
    {
        var givenUp = _leftOut.Keys.Where(static source => source.IsGivenUp).ToList();
        foreach (var source in givenUp)
        {
            _leftOut.Remove(source, out var rows);
            foreach (var row in rows!) _wanted.Add((row, 0));
        }

        if (givenUp.Count > 0) _wanted.Sort();
    }

    /// <summary>The question for what is wanted, which is something.</summary>
    public PeerMessages.WantedRows Wanted()
    {
        var first = _wanted[0].Row;
        var bits = new ulong[(_wanted[^1].Row - first) / 64 + 1];
        foreach (var (row, _) in _wanted) bits[(row - first) >> 6] |= 1UL << (row - first);
        return new PeerMessages.WantedRows(first, bits);
    }

    /// <summary>
    /// Those of the wanted rows that lie before <paramref name="next"/>. Throws <see cref="PeerException"/> if they are not so many.
    /// </summary>
    /// <returns>How many they are, and whether those that were claimed are what they were claimed as.</returns>
    public (int Count, bool AreAsClaimed) TakeWanted(ReadOnlySpan<byte> otlp, int next, SpanFingerprints hashes)
    {
        var count = _wanted.FindIndex(wanted => wanted.Row >= next);
        if (count < 0) count = _wanted.Count;
        Append(otlp, count);
        var fingerprints = new ulong[count];
        hashes.Of(_rows.Columns, _rows.Columns.SpanCount - count, fingerprints);
        var areAsClaimed = true;
        for (var i = 0; i < count; i++) areAsClaimed &= _wanted[i].Fingerprint == 0 || _wanted[i].Fingerprint == fingerprints[i];
        _wanted.RemoveRange(0, count);
        if (_wanted.Count == 0) _wanted.Capacity = 0;
        return (count, areAsClaimed);
    }

    private void LeaveOut(int row, SpanSource source)
    {
        if (!_leftOut.TryGetValue(source, out var rows)) _leftOut.Add(source, rows = []);
        rows.Add(row);
    }

    private void Append(ReadOnlySpan<byte> otlp, int count)
    {
        var before = _rows.Columns.SpanCount;
        Append(_rows, otlp);
        if (_rows.Columns.SpanCount - before != count)
            throw new PeerException($"{_rows.Columns.SpanCount - before} spans of a batch where it was asked for {count}");
    }
}
