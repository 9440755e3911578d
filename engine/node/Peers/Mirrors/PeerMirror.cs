using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers.Fingerprints;
using Tempo.Engine.Node.Peers.Wire;
using Tempo.Engine.Storage.Live;

namespace Tempo.Engine.Node.Peers.Mirrors;

/// <summary>
/// A copy of a peer's live data of one tenant, which grows by what is new each time a query asks:
/// <code>
/// new     which batches do you have, and which of their rows have I not seen?     (rows come as OTLP)
/// wanted  where spans have copies, their fingerprints come instead, and then those rows that nobody else is known to have (KnownSpans);
///         and, once another one
///         does not answer, those that were left out because of it
/// keep    the batches that it named; the others have become blocks, which the same answer names
/// </code>
/// Queries that come while an answer is on its way wait for the next one, which is the same for all of them: it begins after they
/// came, so they see what was acknowledged before. Thread safe.
/// </summary>
/// <param name="peer">Whose live data.</param>
/// <param name="tenant">Of whom.</param>
/// <param name="turns">Held while a turn is begun, of any copy of any tenant: whoever holds it begins its turns with several nodes as
/// one.</param>
/// <param name="known">What queries have from elsewhere; null: there are no copies.</param>
/// <param name="spans">Counts spans that were copied and that were not, because they are known.</param>
/// <param name="time">Measures how long nobody asks.</param>
internal sealed class PeerMirror(IPeer peer, TenantId tenant, Lock turns, KnownSpans? known, CounterFamily spans, TimeProvider time)
{
    private const int MaxBatches = 100_000;

    /// <summary>How often it may begin anew while it is asked.</summary>
    private const int MaxBeginnings = 3;

    private readonly ulong _key = known?.KeyOf(tenant) ?? 0;

    // Guarded by the lock of turns, as is what the next turn claims for.
    private Turn? _running;
    private Turn? _next;
    private SpanSource _source = new();

    // Of the running turn alone.
    private readonly Dictionary<long, MirroredBatch> _batches = [];
    private ulong _incarnation;
    private int _beginning;

    public IPeer Peer => peer;

    /// <summary>When a query asked last.</summary>
    public long UsedAt { get; private set; } = time.GetTimestamp();

    /// <summary>Request bytes of what is kept, and what is left out.</summary>
    public long ByteCount { get; private set; }

    /// <summary>
    /// All that was acknowledged there before this was called, but for what is left out (<see cref="PeerPart.Needs"/>). Throws
    /// <see cref="PeerException"/>.
    /// </summary>
    /// <param name="round">Of the query that asks, by <see cref="KnownSpans.NewRound"/>; null: once more, since sources were given up, with
    /// what was left out because of them.</param>
    public Task<PeerPart> RefreshAsync(long? round = null)
    {
        // A round of its own begins under the lock: a question that a query does not wait for must be of a later round than the query. And
        // no such turn may begin between two of a query's: it could join the later one, and lack what that leaves out because of the
        // earlier node's next.
        lock (turns)
        {
            UsedAt = time.GetTimestamp();
            if (_next is not null) return _next.Answer;
            var turn = new Turn(round ?? known?.NewRound() ?? 0);
            turn.Answer = AnswerAsync(turn, _running?.Answer ?? Task.CompletedTask);
            if (_running is null) _running = turn;
            else _next = turn;
            return turn.Answer;
        }
    }

    /// <summary>
    /// It does not answer, or too late for a query, or nobody asks it any more: what it has claimed and will claim, others may have from
    /// elsewhere. Under the lock of turns.
    /// </summary>
    public void GiveUp() => _source.GiveUp();

    /// <summary>It has answered a query in time: from now on others may rely on it. Under the lock of turns.</summary>
    public void Trust()
    {
        if (_source.IsGivenUp) _source = new SpanSource();
    }

    private async Task<PeerPart> AnswerAsync(Turn turn, Task before)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ForceYielding);
        try
        {
            return await AnswerAsync(turn).ConfigureAwait(false);
        }
        finally
        {
            lock (turns) (_running, _next) = (_next, null);
        }
    }

    private async Task<PeerPart> AnswerAsync(Turn turn)
    {
        Begin(turn);
        using var answer = new NativeBuffer(4096);
        var beginnings = 0;
        var hasMore = true;
        PeerMessages.LiveAnswer live;
        do
        {
            var isWanting = _batches.Values.Any(static batch => batch.IsWanting);
            live = await AskAsync(isWanting ? WantedQuestion() : NewQuestion(), answer).ConfigureAwait(false);
            if (live.Incarnation != _incarnation)
            {
                if (++beginnings > MaxBeginnings) throw new PeerException($"{peer.Name} began anew {beginnings} times while it was asked");
                BeginAnew(turn, live.Incarnation);
                hasMore = true;
                if (isWanting) continue;
            }

            Take(live, answer.Written, turn, isWanting);
            if (!isWanting) hasMore = live.HasMore;
        }
        while (hasMore || _batches.Values.Any(static batch => batch.IsWanting));

        // What it claimed is not what it has: nobody may do without it.
        if (!turn.IsAsClaimed) RenewSource(turn);
        return new PeerPart(peer, live.Incarnation, [.. _batches.Values.Select(static batch => batch.View()).OfType<LiveBatchView>()],
            live.Blocks, live.Damage)
        {
            Mirror = this,
            Beginning = _beginning,
            Source = turn.Claim.Source,
            Needs = _batches.Values.SelectMany(static batch => batch.Needs).ToHashSet(),
        };
    }

    private void Begin(Turn turn)
    {
        lock (turns) turn.Claim = new SpanClaim(_source, turn.Round);
        foreach (var batch in _batches.Values) batch.WantWhatIsGivenUp();
    }

    private PeerMessages.LiveQuestion NewQuestion()
    {
        var question = new PeerMessages.LiveQuestion { Tenant = tenant, Incarnation = _incarnation, Key = _key };
        foreach (var (serial, batch) in _batches) question.Have[serial] = batch.Next;
        return question;
    }

    private PeerMessages.LiveQuestion WantedQuestion()
    {
        var question = new PeerMessages.LiveQuestion { Tenant = tenant, Incarnation = _incarnation };
        foreach (var (serial, batch) in _batches)
            if (batch.IsWanting)
                question.Wanted[serial] = batch.Wanted();
        return question;
    }

    private async ValueTask<PeerMessages.LiveAnswer> AskAsync(PeerMessages.LiveQuestion question, NativeBuffer answer)
    {
        answer.Clear();
        await peer.AskAsync(PeerQuestion.Live, PeerMessages.Encode(question), answer, CancellationToken.None).ConfigureAwait(false);
        var live = PeerMessages.DecodeLiveAnswer(answer.Written);
        if (live.Batches.Count > MaxBatches)
            throw new PeerException($"{peer.Name} names {live.Batches.Count} batches; the limit is {MaxBatches}");
        if (live.Batches.DistinctBy(static rows => rows.Serial).Count() < live.Batches.Count)
            throw new PeerException($"{peer.Name} names a batch twice");
        return live;
    }

    private void Take(PeerMessages.LiveAnswer live, ReadOnlySpan<byte> answer, Turn turn, bool isWanted)
    {
        try
        {
            var hasMoved = KeepOnly(live);
            foreach (var rows in live.Batches) hasMoved |= isWanted ? TakeWanted(rows, answer, turn) : TakeNew(rows, answer, turn);
            if (!hasMoved && (isWanted || live.HasMore)) throw new PeerException("there is more, and it sends nothing");
            ByteCount = _batches.Values.Sum(static batch => batch.ByteCount);
        }
        catch (Exception e)
        {
            // Whatever it was, nothing half done may stay.
            BeginAnew(turn, _incarnation);
            if (e is PeerException) throw new PeerException($"{peer.Name}: {e.Message}", e.InnerException);
            throw;
        }
    }

    private bool KeepOnly(PeerMessages.LiveAnswer live)
    {
        var gone = _batches.Keys.Except(live.Batches.Select(static rows => rows.Serial)).ToList();
        foreach (var serial in gone) _batches.Remove(serial);
        return gone.Count > 0;
    }

    // Rows, or their fingerprints. A node that knows of no fingerprints sends rows in any case.
    private bool TakeNew(PeerMessages.LiveRows rows, ReadOnlySpan<byte> answer, Turn turn)
    {
        if (!_batches.TryGetValue(rows.Serial, out var batch)) _batches.Add(rows.Serial, batch = new MirroredBatch());
        var before = batch.Next;
        var fingerprints = WireNumbers.Read(answer[rows.Fingerprints]);
        if (fingerprints.Length == 0) spans.With("copied").Add(batch.TakeNew(answer[rows.Otlp], rows.Next));
        else if (known is null) throw new PeerException("fingerprints that nobody asked for");
        else spans.With("known").Add(fingerprints.Length - batch.ClaimNew(fingerprints, rows.Next, known, turn.Claim));
        return batch.Next > before;
    }

    private bool TakeWanted(PeerMessages.LiveRows rows, ReadOnlySpan<byte> answer, Turn turn)
    {
        if (!_batches.TryGetValue(rows.Serial, out var batch) || !batch.IsWanting) return false;
        var (count, areAsClaimed) = batch.TakeWanted(answer[rows.Otlp], rows.Next, new SpanFingerprints(_key));
        spans.With("copied").Add(count);
        turn.IsAsClaimed &= areAsClaimed;
        return count > 0;
    }

    // It may not have any more what it had.
    private void BeginAnew(Turn turn, ulong incarnation)
    {
        _batches.Clear();
        ByteCount = 0;
        _beginning++;
        _incarnation = incarnation;
        RenewSource(turn);
    }

    // What it claims from now on is claimed anew; whether others may rely on it stays as it was.
    private void RenewSource(Turn turn)
    {
        lock (turns)
        {
            var before = _source;
            _source = new SpanSource();
            if (before.IsGivenUp) _source.GiveUp();
            before.GiveUp();
            turn.Claim = new SpanClaim(_source, turn.Round);
        }
    }

    /// <summary>One answer for all queries that came before it begins; it may be several questions.</summary>
    private sealed class Turn(long round)
    {
        public long Round => round;

        public Task<PeerPart> Answer { get; set; } = null!;

        /// <summary>Of what it finds; from its beginning on.</summary>
        public SpanClaim Claim { get; set; } = null!;

        /// <summary>Rows that came were what they had been claimed as.</summary>
        public bool IsAsClaimed { get; set; } = true;
    }
}
