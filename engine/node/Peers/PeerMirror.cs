using System.Collections.Frozen;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers;

/// <summary>What a peer has of a tenant that is not in the shared store yet.</summary>
internal sealed record PeerPart(IPeer Peer, ulong Incarnation, IReadOnlyList<LiveBatchView> Live, IReadOnlyList<(BlockId Id, bool IsLocal)> Blocks, string Damage)
{
    /// <summary>The copy that it is from; null: it is of one trace.</summary>
    public PeerMirror? Mirror { get; init; }

    /// <summary>The copy's name among those who have spans. Null where spans have no copies.</summary>
    public SpanSource? Source { get; init; }

    /// <summary>Who has spans that are left out here.</summary>
    public IReadOnlySet<SpanSource> Needs { get; init; } = FrozenSet<SpanSource>.Empty;
}

/// <summary>
/// A copy of a peer's live data of one tenant, which grows by what is new each time a query asks:
/// <code>
/// ask     which batches do you have, and which of their rows have I not seen?     (rows come as OTLP, and lie here in their order)
///         where spans have copies, their fingerprints come first, and of the rows only those that nobody else is known to have (KnownSpans)
/// keep    the batches that it named; the others have become blocks, which the same answer names
/// </code>
/// Queries that come while an answer is on its way wait for the next one, which is the same for all of them: it begins after they
/// came, so they see what was acknowledged before. Thread safe.
/// </summary>
/// <param name="peer">Whose live data.</param>
/// <param name="tenant">Of whom.</param>
/// <param name="known">What queries have from elsewhere; null: there are no copies.</param>
/// <param name="spans">Counts spans that were copied and that were not, because they are known.</param>
/// <param name="time">Measures the peer's patience.</param>
internal sealed class PeerMirror(IPeer peer, TenantId tenant, KnownSpans? known, CounterFamily spans, TimeProvider time)
{
    private const int MaxBatches = 100_000;
    private readonly Lock _lock = new();

    // Of the running refresh alone.
    private readonly Dictionary<long, Copy> _batches = [];
    private readonly HashSet<SpanSource> _needs = [];
    private volatile SpanSource? _source = known?.NewSource();
    private ulong _incarnation;
    private Task<PeerPart>? _running;
    private Task<PeerPart>? _next;
    private bool _isToBeWhole; // guarded by _lock

    public IPeer Peer => peer;

    /// <summary>When a query asked last.</summary>
    public long UsedAt { get; private set; } = time.GetTimestamp();

    /// <summary>Request bytes of what is kept.</summary>
    public long ByteCount { get; private set; }

    /// <summary>All that was acknowledged there before this was called, but for what is left out (<see cref="PeerPart.Needs"/>). Throws <see cref="PeerException"/>.</summary>
    /// <param name="round">Of the query that asks, by <see cref="KnownSpans.NewRound"/>.</param>
    /// <param name="patience">How long it may take.</param>
    public Task<PeerPart> RefreshAsync(int round, TimeSpan patience) => RefreshAsync(round, patience, isWhole: false);

    /// <summary>The same, from the beginning if something was left out; now nothing is, but what this node has itself.</summary>
    public Task<PeerPart> CopyWholeAsync(TimeSpan patience) => RefreshAsync(round: null, patience, isWhole: true);

    /// <summary>It does not answer, or too late for a query, or nobody asks it any more: what it has claimed and will claim, others may have from elsewhere.</summary>
    public void GiveUp() => _source?.GiveUp();

    /// <summary>It has answered a query in time: from now on others may rely on it.</summary>
    public void Trust()
    {
        if (_source is { IsGivenUp: true }) _source = known!.NewSource();
    }

    // A round of its own begins under the lock: a question that a query does not wait for must be of a later round than the query.
    private Task<PeerPart> RefreshAsync(int? round, TimeSpan patience, bool isWhole)
    {
        lock (_lock)
        {
            UsedAt = time.GetTimestamp();
            _isToBeWhole |= isWhole;
            if (_next is not null) return _next;
            var started = StartAsync(_running, round ?? known?.NewRound() ?? 0, patience);
            return _running is null ? _running = started : _next = started;
        }
    }

    private async Task<PeerPart> StartAsync(Task? before, int round, TimeSpan patience)
    {
        await (before ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        using var deadline = new CancellationTokenSource(patience, time);
        try
        {
            return await AskAsync(round, deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            throw new PeerException($"{peer.Name} did not answer within {patience.TotalSeconds:0.#} s", e);
        }
        finally
        {
            lock (_lock) (_running, _next) = (_next, null);
        }
    }

    private async Task<PeerPart> AskAsync(int round, CancellationToken cancellation)
    {
        var isWhole = TakeIsToBeWhole();
        if (isWhole && _needs.Count > 0) Forget(); // but not what it is the source of: that will be here again
        using var answer = new NativeBuffer(4096);
        while (true)
        {
            var question = new PeerMessages.LiveQuestion { Tenant = tenant, Incarnation = _incarnation, Key = known?.Key ?? 0 };
            foreach (var (serial, copy) in _batches) question.Have[serial] = copy.Next;
            var live = await AskAsync(question, answer, cancellation).ConfigureAwait(false);
            if (live.Incarnation != _incarnation) BeginAnew(live.Incarnation);
            var wanted = Take(live, answer.Written, round, isWhole ? null : _needs);
            var hasMore = live.HasMore;
            while (wanted.Count > 0)
            {
                live = await AskAsync(Question(wanted), answer, cancellation).ConfigureAwait(false);
                if (live.Incarnation != _incarnation) throw new PeerException($"{peer.Name} began anew while it was asked");
                TakeWanted(live, answer.Written, wanted);
            }

            ByteCount = _batches.Values.Sum(static copy => copy.Rows.ByteCount);
            if (hasMore) continue;
            return new PeerPart(peer, live.Incarnation, [.. _batches.Values.Where(static copy => copy.Rows.Columns.SpanCount > 0).Select(static copy => new LiveBatchView(copy.Rows, copy.Rows.Columns.Snapshot()))], live.Blocks, live.Damage)
            {
                Mirror = this,
                Source = _source,
                Needs = _needs.ToFrozenSet(),
            };
        }
    }

    private async ValueTask<PeerMessages.LiveAnswer> AskAsync(PeerMessages.LiveQuestion question, NativeBuffer answer, CancellationToken cancellation)
    {
        answer.Clear();
        await peer.AskAsync(PeerQuestion.Live, PeerMessages.Encode(question), answer, cancellation).ConfigureAwait(false);
        var live = PeerMessages.DecodeLiveAnswer(answer.Written);
        if (live.Batches.Count > MaxBatches) throw new PeerException($"{peer.Name} names {live.Batches.Count} batches; the limit is {MaxBatches}");
        return live;
    }

    private bool TakeIsToBeWhole()
    {
        lock (_lock)
        {
            var isWhole = _isToBeWhole;
            _isToBeWhole = false;
            return isWhole;
        }
    }

    // It may not have any more what it had.
    private void BeginAnew(ulong incarnation)
    {
        Forget();
        _incarnation = incarnation;
        _source?.GiveUp();
        _source = known?.NewSource();
    }

    private void Forget()
    {
        _batches.Clear();
        _needs.Clear();
    }

    // Rows, or fingerprints: then what is wanted of the rows. Until they are there a batch stands where it stood.
    private Dictionary<long, Wanted> Take(PeerMessages.LiveAnswer live, ReadOnlySpan<byte> answer, int round, HashSet<SpanSource>? needs)
    {
        KeepOnly(live);
        var wanted = new Dictionary<long, Wanted>();
        foreach (var rows in live.Batches)
        {
            if (!_batches.TryGetValue(rows.Serial, out var copy)) _batches.Add(rows.Serial, copy = new Copy());
            var fingerprints = WireNumbers.Read(answer[rows.Fingerprints]);
            if (fingerprints.Length == 0)
            {
                Append(rows.Serial, copy, answer[rows.Otlp], rows.Next - copy.Next, rows.Next);
                continue;
            }

            if (known is null || copy.Next + (long)fingerprints.Length != rows.Next) throw new PeerException($"{peer.Name} sent {fingerprints.Length} fingerprints of a batch, of which {rows.Next - copy.Next} are missing");
            var bits = new ulong[(fingerprints.Length + 63) / 64];
            var count = known.TryClaim(fingerprints, _source!, round, bits, needs);
            spans.With("known").Add(fingerprints.Length - count);
            if (count > 0) wanted.Add(rows.Serial, new Wanted(copy.Next, rows.Next, bits));
            else copy.Next = rows.Next;
        }

        return wanted;
    }

    private PeerMessages.LiveQuestion Question(Dictionary<long, Wanted> wanted)
    {
        var question = new PeerMessages.LiveQuestion { Tenant = tenant, Incarnation = _incarnation };
        foreach (var (serial, rows) in wanted) question.Wanted.Add(serial, rows.From(_batches[serial].Next));
        return question;
    }

    // What is there now; of a batch that has become a block nothing more is wanted.
    private void TakeWanted(PeerMessages.LiveAnswer live, ReadOnlySpan<byte> answer, Dictionary<long, Wanted> wanted)
    {
        KeepOnly(live);
        foreach (var gone in wanted.Keys.Where(serial => !_batches.ContainsKey(serial)).ToList()) wanted.Remove(gone);
        foreach (var rows in live.Batches)
        {
            if (!wanted.TryGetValue(rows.Serial, out var asked)) continue;
            var copy = _batches[rows.Serial];
            var next = Math.Min(rows.Next, asked.End); // the last word of bits has more than were asked for
            Append(rows.Serial, copy, answer[rows.Otlp], asked.CountBetween(copy.Next, next), next);
            if (next == asked.End) wanted.Remove(rows.Serial);
        }
    }

    private void KeepOnly(PeerMessages.LiveAnswer live)
    {
        foreach (var gone in _batches.Keys.Except(live.Batches.Select(static rows => rows.Serial)).ToList()) _batches.Remove(gone);
    }

    private void Append(long serial, Copy copy, ReadOnlySpan<byte> otlp, int count, int next)
    {
        var before = copy.Rows.Columns.SpanCount;
        Append(copy.Rows, otlp);
        if (copy.Rows.Columns.SpanCount - before == count && next >= copy.Next)
        {
            spans.With("copied").Add(count);
            copy.Next = next;
            return;
        }

        // It would be asked from the wrong row on for ever.
        _batches.Remove(serial);
        throw new PeerException($"{peer.Name} sent {copy.Rows.Columns.SpanCount - before} spans of a batch where it was asked for {count}");
    }

    /// <summary>Adds rows as a peer sent them. Keys and values were cut to the limit where they came in.</summary>
    public static void Append(LiveBatch batch, ReadOnlySpan<byte> otlp)
    {
        if (otlp.IsEmpty) return;
        var summary = default(OtlpRequestSummary);
        if (!OtlpTraceReader.TryRead(otlp, ref summary, out var error)) throw new PeerException($"spans between nodes cannot be read: {error.Message}");
        batch.Append(otlp, int.MaxValue);
    }

    /// <summary>What is here of a batch there, and the row of it to go on with.</summary>
    private sealed class Copy
    {
        public readonly LiveBatch Rows = new();
        public int Next;
    }

    /// <summary>Rows of a batch that are wanted: bits from the first of them on, none behind the end.</summary>
    private readonly record struct Wanted(int First, int End, ulong[] Bits)
    {
        /// <summary>Those from a row on.</summary>
        public PeerMessages.WantedRows From(int row)
        {
            var word = (row - First) >> 6;
            var bits = Bits[word..];
            bits[0] &= ulong.MaxValue << (row - First);
            return new PeerMessages.WantedRows(First + word * 64, bits);
        }

        public int CountBetween(int from, int to)
        {
            var count = 0;
            for (var row = from; row < to; row++)
                if ((Bits[(row - First) >> 6] >> (row - First) & 1) != 0)
                    count++;
            return count;
        }
    }
}
