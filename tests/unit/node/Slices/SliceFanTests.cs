using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Slices;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;
using Tempo.Testing;

namespace Tempo.Node.Tests.Slices;

/// <summary>A query's slices are all answered, whoever is slow, dead or behind; and nothing is computed twice without a reason.</summary>
public sealed class SliceFanTests
{
    private readonly SteppedTime _time = new(1_795_000_000_000);
    private readonly CounterFamily _outcomes = new MetricRegistry().Counter("slices", "Slices.", "outcome");
    private readonly List<ulong> _here = [];
    private QueryMemory _memory = new(1 << 20);
    private Func<SliceQuestion, CancellationToken, Task<SliceAnswer>> _answer = static (_, _) => Task.FromResult(Good("here"));

    [Fact]
    public async Task Each_node_answers_its_own()
    {
        Assert.Equal(["b", "here", "c"], await AskAsync(new Node("b"), null, new Node("c")));
        Assert.Equal([1UL], _here);
        Assert.Equal((1, 2), (Count("own"), Count("answered")));
    }

    [Fact]
    public async Task What_a_node_cannot_answer_is_computed_here()
    {
        Assert.Equal(["here", "here", "c"], await AskAsync(null, new Node("b") { Failure = new PeerException("gone") }, new Node("c")));
        Assert.Equal([0UL, 1UL], _here);
        Assert.Equal(1, Count("failed"));
    }

    [Fact]
    public async Task A_node_without_room_is_helped_and_a_wrong_query_is_wrong_everywhere()
    {
        Assert.Equal(["here", "here"], await AskAsync(null, new Node("b") { Answer = Failed(QueryErrorKind.Busy) }));
        Assert.Equal((1, 0), (Count("failed"), Count("partial")));
        var e = await Assert.ThrowsAsync<QueryException>(() => AskAsync(null, new Node("b") { Answer = Failed(QueryErrorKind.TooLarge) }));
        Assert.Equal((QueryErrorKind.TooLarge, "so it is"), (e.Kind, e.Message));
    }

    [Fact]
    public async Task What_is_missing_elsewhere_is_looked_for_here_unless_it_is_missing_here_as_well()
    {
        Assert.Equal(["here", "here"], await AskAsync(null, new Node("b") { Answer = Good("b", "a block is missing") }));
        Assert.Equal(1, Count("partial"));
        _answer = static (_, _) => Task.FromResult(Good("here", "a block is missing"));
        Assert.Equal(["here", "b"], await AskAsync(null, new Node("b") { Answer = Good("b", "a block is missing") }));
        Assert.Equal((1, 1), (Count("partial"), Count("answered")));
    }

    [Fact]
    public async Task Without_room_here_what_the_other_one_has_is_the_answer()
    {
        _answer = (_, _) => Task.FromResult(_here.Count == 1 ? Good("here") : Failed(QueryErrorKind.Busy));
        Assert.Equal(["here", "b"], await AskAsync(null, new Node("b") { Answer = Good("b", "a block is missing") }));
        _here.Clear();
        var e = await Assert.ThrowsAsync<QueryException>(() => AskAsync(null, new Node("b") { Failure = new PeerException("gone") }));
        Assert.Equal(QueryErrorKind.Busy, e.Kind);

        // It is late, and there is nothing but to wait for it.
        _here.Clear();
        var slow = new Node("b") { Gate = new TaskCompletionSource() };
        var asking = AskAsync(null, slow);
        await SleepsAsync(TimeSpan.FromMilliseconds(2000));
        _time.Advance(TimeSpan.FromMilliseconds(2000));
        slow.Gate.SetResult();
        Assert.Equal(["here", "b"], await asking);
    }

    [Fact]
    public async Task Who_is_late_is_helped_and_what_is_there_first_counts()
    {
        // A node that never answers: once as long as the own slice took and a little is over, here.
        var silent = new Node("b") { Gate = new TaskCompletionSource() };
        _answer = (_, _) =>
        {
            if (_here.Count == 1) _time.Advance(TimeSpan.FromSeconds(2));
            return Task.FromResult(Good("here"));
        };
        var asking = AskAsync(null, silent);
        await SleepsAsync(TimeSpan.FromMilliseconds(4000));
        Assert.Equal([0UL], _here);
        _time.Advance(TimeSpan.FromMilliseconds(4000));
        Assert.Equal(["here", "here"], await asking);
        Assert.True(silent.WasCancelled);
        Assert.Equal(1, Count("late"));

        // One that answers while it is helped: the work here is given up.
        var slow = new Node("b") { Gate = new TaskCompletionSource() };
        var helps = new TaskCompletionSource();
        _here.Clear();
        _answer = async (_, cancellation) =>
        {
            if (_here.Count == 1) return Good("here");
            helps.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            throw new InvalidOperationException("it was not given up");
        };
        asking = AskAsync(null, slow);
        await SleepsAsync(TimeSpan.FromMilliseconds(2000));
        _time.Advance(TimeSpan.FromMilliseconds(2000));
        await helps.Task;
        slow.Gate.SetResult();
        Assert.Equal(["here", "b"], await asking);
    }

    [Fact]
    public async Task Whoever_asked_may_go()
    {
        using var gone = new CancellationTokenSource();
        var silent = new Node("b") { Gate = new TaskCompletionSource() };
        var asking = AskAsync(gone.Token, null, silent);
        await SleepsAsync(TimeSpan.FromMilliseconds(2000));
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        Assert.True(silent.WasCancelled);
    }

    [Fact]
    public async Task Answers_take_no_more_than_a_query_may_have_and_give_it_back()
    {
        await AskAsync(null, new Node("b"), new Node("c"));
        Assert.Equal(0, _memory.TakenBytes);
        _memory = new QueryMemory(64);
        var e = await Assert.ThrowsAsync<QueryException>(() => AskAsync(null, new Node("b") { Answer = Good(new string('b', 50)) }));
        Assert.Equal(QueryErrorKind.TooLarge, e.Kind);
        Assert.Contains("32 bytes", e.Message, StringComparison.Ordinal);
        Assert.Equal(0, _memory.TakenBytes);
    }

    private Task<string[]> AskAsync(params Node?[] nodes) => AskAsync(CancellationToken.None, nodes);

    private async Task<string[]> AskAsync(CancellationToken cancellation, params Node?[] nodes)
    {
        var fan = new SliceFan(
            (question, _, token) =>
            {
                _here.Add(question.Slice.First.Low);
                return _answer(question, token);
            },
            _outcomes, _time);
        using var memory = new AnswerMemory(_memory);
        var answers =
            await fan.AskAsync([.. nodes.Select(static (node, i) => new SliceAssignment(node, Question((ulong)i)))], memory, cancellation);
        var texts = answers.Select(static answer => System.Text.Encoding.ASCII.GetString(answer.Content!.Written)).ToArray();
        foreach (var answer in answers) answer.Dispose();
        return texts;
    }

    private async Task SleepsAsync(TimeSpan wait)
    {
        for (var tries = 0; !_time.Waits.Contains(wait); tries++)
        {
            Assert.True(tries < 60_000, $"nobody waits for {wait}, only for {string.Join(", ", _time.Waits)}");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    private int Count(string outcome) => (int)_outcomes.With(outcome).Value;

    private static SliceQuestion Question(ulong number) =>
        new(TenantSet.Single, new TraceSlice(new TraceId(0, number), new TraceId(0, number)), new SearchRequest { Query = "{}" });

    private static SliceAnswer Good(string text, string damage = "")
    {
        var content = new NativeBuffer();
        content.Append(System.Text.Encoding.ASCII.GetBytes(text));
        return new SliceAnswer(content, null, damage);
    }

    private static SliceAnswer Failed(QueryErrorKind kind) => new(null, new QueryException(kind, "so it is"), "");

    private sealed class Node(string name) : IPeer
    {
        public string Name => name;

        public bool IsSuspect => false;

        public SliceAnswer Answer { get; init; } = Good(name);

        public PeerException? Failure { get; init; }

        /// <summary>It answers when this is set; null: at once.</summary>
        public TaskCompletionSource? Gate { get; init; }

        public bool WasCancelled { get; private set; }

        public async ValueTask AskAsync(
            PeerQuestion question, ReadOnlyMemory<byte> body, NativeBuffer answer, CancellationToken cancellation)
        {
            Assert.Equal(PeerQuestion.Slice, question);
            try
            {
                if (Gate is { } gate) await gate.Task.WaitAsync(cancellation);
            }
            catch (OperationCanceledException)
            {
                WasCancelled = true;
                throw;
            }

            if (Failure is { } failure) throw failure;
            SliceMessages.Write(answer, Answer);
        }
    }
}
