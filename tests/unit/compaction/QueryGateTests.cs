using Tempo.Engine.Node;
using Tempo.Engine.Query;

namespace Tempo.Compaction.Tests;

/// <summary>Who may run, and in which order: places are few, tenants are served in turn, and who has gone is passed over.</summary>
public sealed class QueryGateTests
{
    [Fact]
    public async Task Tenants_that_wait_are_served_in_turn()
    {
        var gate = new QueryGate(maxRunning: 1, maxWaiting: 100);
        var running = await gate.EnterAsync("a", default);
        var order = new List<string>();
        var waiting = new List<Task>();
        foreach (var tenant in new[] { "a", "a", "a", "b", "c", "b" }) waiting.Add(RunAsync(tenant));
        running.Dispose();
        await Task.WhenAll(waiting);
        // Whoever asked for most does not keep the others waiting.
        Assert.Equal(["a", "b", "c", "a", "b", "a"], order);

        async Task RunAsync(string tenant)
        {
            using var place = await gate.EnterAsync(tenant, default);
            order.Add(tenant); // one at a time
        }
    }

    [Fact]
    public async Task Beyond_the_line_one_is_told_to_try_again()
    {
        var gate = new QueryGate(maxRunning: 1, maxWaiting: 1);
        var running = await gate.EnterAsync("a", default);
        var waiting = gate.EnterAsync("a", default).AsTask();
        Assert.Equal(QueryErrorKind.Busy, (await Assert.ThrowsAsync<QueryException>(async () => await gate.EnterAsync("b", default))).Kind);
        running.Dispose();
        (await waiting).Dispose();
        (await gate.EnterAsync("b", default)).Dispose();
    }

    [Fact]
    public async Task Who_gives_up_leaves_the_line()
    {
        var gate = new QueryGate(maxRunning: 1, maxWaiting: 1);
        var running = await gate.EnterAsync("a", default);
        for (var i = 0; i < 10; i++)
        {
            using var gone = new CancellationTokenSource();
            var waiting = gate.EnterAsync("a", gone.Token).AsTask();
            await gone.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        }

        var last = gate.EnterAsync("b", default).AsTask();
        running.Dispose();
        (await last).Dispose();
        Assert.Equal(1, gate.Take(5));
    }

    [Fact]
    public async Task Free_places_are_lent_and_given_to_who_waits_when_they_come_back()
    {
        var gate = new QueryGate(maxRunning: 3, maxWaiting: 10);
        using var running = await gate.EnterAsync("a", default);
        Assert.Equal(2, gate.Take(7));
        Assert.Equal(0, gate.Take(1));
        var waiting = gate.EnterAsync("b", default).AsTask();
        Assert.False(waiting.IsCompleted);
        gate.Return(2);
        using var place = await waiting;
        Assert.Equal(1, gate.Take(7));
    }

    [Fact]
    public async Task OneTenantDoesNotFillTheLineOfAnother()
    {
        var gate = new QueryGate(maxRunning: 1, maxWaiting: 100, maxWaitingOfTenant: 2);
        var running = await gate.EnterAsync("a", default);
        var waiting = new List<Task<QueryGate.Place>> { gate.EnterAsync("a", default).AsTask(), gate.EnterAsync("a", default).AsTask() };
        var refused = await Assert.ThrowsAsync<QueryException>(() => gate.EnterAsync("a", default).AsTask());
        Assert.Equal((QueryErrorKind.Busy, "job queue full: 2 queries of this tenant wait; try again"), (refused.Kind, refused.Message));
        waiting.Add(gate.EnterAsync("b", default).AsTask());
        running.Dispose();
        foreach (var turn in new[] { waiting[0], waiting[2], waiting[1] }) (await turn).Dispose();
        (await gate.EnterAsync("a", default)).Dispose();
    }
}
