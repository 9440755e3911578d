using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Query;

namespace Tempo.Engine.Node.Slices;

/// <summary>A slice's query and who answers it; null as a peer: this node.</summary>
internal readonly record struct SliceAssignment(IPeer? Peer, SliceQuestion Question);

/// <summary>
/// Gets the answers of all slices of a query, each from the node that it was given to, with hedged requests:
/// <code>
/// 1 ask     the other nodes, at once, and answer this node's own slice meanwhile
/// 2 wait    for the others, as long again as the own slice took and a little more
/// 3 hedge   one that has not answered by then, could not, or knows that something is missing: its slice is answered here as well, and
///           what is there first counts
/// </code>
/// So a node that is slow, dead or behind costs time and no part of the answer. A slice is work of the tenant on each node, which waits for
/// its turn there; nobody who only waits for others takes a place, so that nodes cannot wait for each other in a circle.
/// </summary>
/// <param name="answerHere">Answers on this node.</param>
/// <param name="outcomes">Counted by what became of each slice.</param>
/// <param name="time">Measures how long to wait.</param>
internal sealed class SliceFan(
    Func<SliceQuestion, AnswerMemory, CancellationToken, Task<SliceAnswer>> answerHere, CounterFamily outcomes, TimeProvider time)
{
    /// <summary>
    /// Beyond twice the time of the own slice: for what a slice costs beside computing, a turn in the line and, on a node that has just
    /// started, blocks that it has not read yet. Given up too soon, it would never have read them.
    /// </summary>
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The answers, in the order of the assignments, one of which at least is this node's. Dispose them before the memory. Throws what
    /// answering here throws, and
    /// <see cref="QueryException"/> of a query that failed.
    /// </summary>
    public async Task<SliceAnswer[]> AskAsync(IReadOnlyList<SliceAssignment> slices, AnswerMemory memory, CancellationToken cancellation)
    {
        var answers = new SliceAnswer?[slices.Count];
        var began = time.GetTimestamp();
        var others =
            slices.Select(slice => slice.Peer is { } peer ? new Asked(peer, slice.Question, memory, cancellation) : null).ToArray();
        try
        {
            var isOwnDamaged = false;
            for (var i = 0; i < answers.Length; i++)
            {
                if (others[i] is not null) continue;
                answers[i] = ThrowIfFailed(await answerHere(slices[i].Question, memory, cancellation).ConfigureAwait(false));
                isOwnDamaged |= answers[i]!.Damage.Length > 0;
                outcomes.With("own").Add(1);
            }

            await WaitAsync(others.OfType<Asked>().Select(static other => other.Answer), time.GetElapsedTime(began) + Slack, cancellation)
                .ConfigureAwait(false);
            for (var i = 0; i < answers.Length; i++)
                if (others[i] is { } other)
                    answers[i] =
                        ThrowIfFailed(await GetAsync(other, slices[i].Question, isOwnDamaged, memory, cancellation).ConfigureAwait(false));
            return answers!;
        }
        catch
        {
            foreach (var answer in answers) answer?.Dispose();
            throw;
        }
        finally
        {
            foreach (var other in others)
                if (other is not null && await other.EndAsync().ConfigureAwait(false) is { } answer
                    && !Array.Exists(answers, taken => ReferenceEquals(taken, answer)))
                    answer.Dispose();
        }
    }

    private async Task WaitAsync(IEnumerable<Task> asking, TimeSpan atMost, CancellationToken cancellation)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await Task.WhenAny(Task.WhenAll(asking), Task.Delay(atMost, time, enough.Token)).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
        cancellation.ThrowIfCancellationRequested();
    }

    private async Task<SliceAnswer> GetAsync(
        Asked other, SliceQuestion question, bool isOwnDamaged, AnswerMemory memory, CancellationToken cancellation)
    {
        var isLate = !other.Answer.IsCompleted;
        var answer = isLate ? null : await other.Answer.ConfigureAwait(false);

        // What is missing here as well would be missing again.
        if (answer is not null && (answer.IsConclusive || (answer.Failure is null && isOwnDamaged)))
        {
            outcomes.With("answered").Add(1);
            return answer;
        }

        outcomes.With(isLate ? "late" : answer is { Failure: null } ? "partial" : "failed").Add(1);
        if (await HedgeAsync(other, question, memory, cancellation).ConfigureAwait(false) is not { } own)
            return (await other.Answer.ConfigureAwait(false))!;
        if (own.IsConclusive || own.Failure is null) return own;

        // There is no room here either: what the other one has, or will have, is better than nothing.
        return await other.Answer.ConfigureAwait(false) is { Failure: null } theirs ? theirs : own;
    }

    // Null: the other one has answered meanwhile. Answering here computes on this thread: what the other node says ends it from another
    // one.
    private async Task<SliceAnswer?> HedgeAsync(Asked other, SliceQuestion question, AnswerMemory memory, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _ = CancelWhenAnsweredAsync(other.Answer, stop);
        try
        {
            var own = await answerHere(question, memory, stop.Token).ConfigureAwait(false);
            if (own.IsConclusive) other.Cancel();
            return own;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static async Task CancelWhenAnsweredAsync(Task<SliceAnswer?> asking, CancellationTokenSource stop)
    {
        if (await asking.ConfigureAwait(false) is not { IsConclusive: true }) return;
        try
        {
            await stop.CancelAsync().ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // It was answered here first.
        }
    }

    private static SliceAnswer ThrowIfFailed(SliceAnswer answer) => answer.Failure is { } failure ? throw failure : answer;

    /// <summary>What another node was asked.</summary>
    private sealed class Asked
    {
        private readonly CancellationTokenSource _stop;

        public Asked(IPeer peer, SliceQuestion question, AnswerMemory memory, CancellationToken cancellation)
        {
            _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            Answer = AskAsync(peer, question, memory, _stop.Token);
        }

        /// <summary>Null: it did not answer. Never throws.</summary>
        public Task<SliceAnswer?> Answer { get; }

        /// <summary>It need not go on.</summary>
        public void Cancel() => _stop.Cancel();

        /// <summary>The same, and waits until nothing of it is under way.</summary>
        public async Task<SliceAnswer?> EndAsync()
        {
            await _stop.CancelAsync().ConfigureAwait(false);
            var answer = await Answer.ConfigureAwait(false);
            _stop.Dispose();
            return answer;
        }

        private static async Task<SliceAnswer?> AskAsync(IPeer peer, SliceQuestion question, AnswerMemory memory, CancellationToken stop)
        {
            using var bytes = new NativeBuffer { Account = memory };
            try
            {
                await peer.AskAsync(PeerQuestion.Slice, SliceMessages.Encode(question), bytes, stop).ConfigureAwait(false);
                return SliceMessages.DecodeAnswer(bytes.Written, memory);
            }
            catch (MemoryAccountFullException)
            {
                return new SliceAnswer(null, memory.Refusal(), "");
            }
            catch (Exception)
            {
                return null; // whatever it was: the slice is answered here
            }
            finally
            {
                bytes.Free(); // what Dispose does not: the account has its bytes back
            }
        }
    }
}
