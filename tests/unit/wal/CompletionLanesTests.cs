using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Wal;
using Tempo.Testing;

namespace Tempo.Wal.Tests;

/// <summary>Those who await the appends of a group go on one after the other, and what else waits for a thread goes between them.</summary>
public sealed class CompletionLanesTests : IDisposable
{
    private readonly WriteAheadLog _log =
        WriteAheadLog.Open(new SimDisk(), "wal", new WalOptions { OwnCommitThread = false }, new MetricRegistry());
    private readonly StepwisePool _pool = new();
    private readonly List<string> _order = [];

    public void Dispose() => _log.Dispose();

    [Fact]
    public void What_else_waits_for_a_thread_goes_between_two_of_a_group()
    {
        var lanes = new CompletionLanes(1, _pool);
        for (var i = 1; i <= 3; i++) lanes.Add(Append($"append {i}"));
        for (var i = 1; i <= 3; i++) _pool.Queue(new Work(() => _order.Add("other")));
        _pool.RunAll();
        Assert.Equal(["append 1", "other", "other", "other", "append 2", "append 3"], _order);
    }

    [Fact]
    public void What_comes_while_one_goes_on_does_not_wait_for_the_rest_of_the_group()
    {
        var lanes = new CompletionLanes(1, _pool);
        lanes.Add(Append("append 1", () => _pool.Queue(new Work(() => _order.Add("refusal, first step")))));
        lanes.Add(Append("append 2", () => _pool.Queue(new Work(() => _order.Add("refusal, second step")))));
        lanes.Add(Append("append 3"));
        _pool.RunAll();
        Assert.Equal(["append 1", "refusal, first step", "append 2", "refusal, second step", "append 3"], _order);
    }

    // Else who is stored would wait for any number of those who are refused.
    [Fact]
    public void A_long_line_lets_nobody_go_between()
    {
        var lanes = new CompletionLanes(1, _pool);
        for (var i = 0; i < 70; i++) lanes.Add(Append("append"));
        for (var i = 0; i < 3; i++) _pool.Queue(new Work(() => _order.Add("other")));
        _pool.RunAll();
        Assert.Equal(6, _order.IndexOf("other"));
        Assert.Equal(73, _order.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void As_many_go_on_at_once_as_are_allowed(int most)
    {
        var lanes = new CompletionLanes(most, _pool);
        for (var i = 0; i < 20; i++) lanes.Add(Append($"append {i}"));
        Assert.Equal(most, _pool.WaitingCount);
        _pool.RunAll();
        Assert.Equal(Enumerable.Range(0, 20).Select(static i => $"append {i}").Order(), _order.Order());

        // And again after all have ended.
        for (var i = 0; i < 20; i++) lanes.Add(Append($"append {i}"));
        Assert.Equal(most, _pool.WaitingCount);
        _pool.RunAll();
        Assert.Equal(40, _order.Count);
    }

    // As the log completes one, with somebody who awaits it.
    private unsafe PendingAppend Append(string name, Action? then = null)
    {
        var append = new PendingAppend(_log);
        byte payload = 1;
        _ = NoteAsync(append.Begin(_log.Current, TenantId.Single, &payload, 1), name, then);
        append.Result = new WalResult(WalStatus.Durable, 0, 0, null);
        return append;
    }

    private async Task NoteAsync(ValueTask<WalResult> appended, string name, Action? then)
    {
        await appended.ConfigureAwait(false);
        _order.Add(name);
        then?.Invoke();
    }

    private sealed class Work(Action run) : IThreadPoolWorkItem
    {
        public void Execute() => run();
    }

    /// <summary>One thread, which runs when it is told to.</summary>
    private sealed class StepwisePool : ICompletionPool
    {
        private readonly Queue<IThreadPoolWorkItem> _waiting = [];

        public int WaitingCount => _waiting.Count;

        public bool HasWork => _waiting.Count > 0;

        public void Queue(IThreadPoolWorkItem work) => _waiting.Enqueue(work);

        public void RunAll()
        {
            while (_waiting.TryDequeue(out var work)) work.Execute();
        }
    }
}
