using Tempo.Engine.Node;
using Tempo.Engine.Query;

namespace Tempo.Node.Tests;

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
        using var next = await gate.EnterAsync("a", default);
        Assert.Equal(0, next.Take(5));
    }

    [Fact]
    public async Task Free_places_are_lent_and_given_to_who_waits_when_they_come_back()
    {
        var gate = new QueryGate(maxRunning: 3, maxWaiting: 10);
        using var running = await gate.EnterAsync("a", default);
        Assert.Equal(2, running.Take(7));
        Assert.Equal(0, running.Take(1));
        var waiting = gate.EnterAsync("b", default).AsTask();
        Assert.False(waiting.IsCompleted);
        running.Return(2);
        using var place = await waiting;
        Assert.Equal(1, running.Take(7));
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

    [Fact]
    public async Task A_tenant_without_a_place_is_a_guest_and_is_repaid_by_who_has_most()
    {
        var gate = new QueryGate(maxRunning: 2, maxWaiting: 10, maxGuests: 2);
        var heavy = await gate.EnterAsync("heavy", default);
        Assert.Equal(1, heavy.Take(5));
        var guest = await gate.EnterAsync("light", default);
        var second = gate.EnterAsync("light", default).AsTask(); // only one of each tenant is
        Assert.False(second.IsCompleted);

        // The first thread that comes by gives its place up; the other goes on, since both tenants have one now.
        var yielding = YieldAsync(heavy);
        while (gate.YieldedCount == 0) await Task.Yield();
        heavy.Yield(default);
        Assert.False(yielding.IsCompleted);
        guest.Dispose();
        var next = await second; // its tenant has none now
        Assert.False(yielding.IsCompleted);
        next.Dispose();
        await yielding;
        heavy.Return(1);
        heavy.Dispose();
        Assert.Equal(1, (await gate.EnterAsync("x", default)).Take(9));
    }

    [Fact]
    public async Task Tenants_of_long_queries_take_turns()
    {
        var time = new ManualTime(DateTimeOffset.UnixEpoch);
        var gate = new QueryGate(maxRunning: 1, maxWaiting: 10, time: time);
        var first = await gate.EnterAsync("a", default);
        var second = gate.EnterAsync("b", default).AsTask();
        first.Yield(default); // its turn is not over
        Assert.False(second.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(5));
        var order = new List<string>();
        var a = Task.Factory.StartNew(() => { first.Yield(default); order.Add("a"); first.Dispose(); }, TaskCreationOptions.LongRunning);
        using var place = await second;
        Assert.False(a.IsCompleted);
        place.Yield(default);
        Assert.Empty(order);
        time.Advance(TimeSpan.FromMilliseconds(5));
        place.Yield(default); // until the other one is done
        Assert.Equal(["a"], order);
        await a;
    }

    [Fact]
    public async Task A_place_stays_free_for_a_tenant_that_was_here_a_moment_ago()
    {
        var time = new ManualTime(DateTimeOffset.UnixEpoch);
        var gate = new QueryGate(maxRunning: 2, maxWaiting: 10, maxGuests: 2, time: time, reserved: TimeSpan.FromMilliseconds(250));
        var heavy = await gate.EnterAsync("heavy", default);
        Assert.Equal(1, heavy.Take(5));
        (await gate.EnterAsync("light", default)).Dispose(); // a guest, gone before a thread of the other one came by

        // The first thread that comes by makes way for the next question, though nobody asks it yet; the second one goes on.
        var yielding = YieldAsync(heavy);
        while (gate.YieldedCount == 0) await Task.Yield();
        heavy.Yield(default);
        var second = gate.EnterAsync("heavy", default).AsTask();
        Assert.Equal(0, heavy.Take(1));
        for (var question = 0; question < 10; question++)
        {
            using (await gate.EnterAsync("light", default)) time.Advance(TimeSpan.FromMilliseconds(10));
            time.Advance(TimeSpan.FromMilliseconds(200));
            heavy.Yield(default);
            Assert.Equal(1, gate.YieldedCount);
            Assert.False(yielding.IsCompleted || second.IsCompleted);
        }

        // Nobody asks any more: the thread goes on by itself.
        time.Advance(TimeSpan.FromMilliseconds(250));
        await yielding;
        heavy.Return(1);
        (await second).Dispose();
        heavy.Dispose();
    }

    [Fact]
    public async Task Nothing_is_kept_free_where_there_is_one_place_or_one_tenant()
    {
        var time = new ManualTime(DateTimeOffset.UnixEpoch);
        var single = new QueryGate(maxRunning: 1, maxWaiting: 10, time: time, reserved: TimeSpan.FromMilliseconds(250));
        (await single.EnterAsync("a", default)).Dispose();
        (await single.EnterAsync("b", default)).Dispose();
        var gate = new QueryGate(maxRunning: 2, maxWaiting: 10, time: time, reserved: TimeSpan.FromMilliseconds(250));
        (await gate.EnterAsync("a", default)).Dispose();
        using var again = await gate.EnterAsync("a", default);
        Assert.Equal(1, again.Take(1));
    }

    [Fact]
    public async Task Queries_of_one_tenant_do_not_yield_to_each_other()
    {
        var time = new ManualTime(DateTimeOffset.UnixEpoch);
        var gate = new QueryGate(maxRunning: 1, maxWaiting: 10, maxGuests: 1, time: time);
        var running = await gate.EnterAsync("a", default);
        var waiting = gate.EnterAsync("a", default).AsTask();
        time.Advance(TimeSpan.FromHours(1));
        running.Yield(default);
        Assert.False(waiting.IsCompleted);
        running.Dispose();
        (await waiting).Dispose();
    }

    [Fact]
    public async Task Who_is_cancelled_while_it_waits_for_its_turn_still_has_a_place_to_give_back()
    {
        var time = new ManualTime(DateTimeOffset.UnixEpoch);
        var gate = new QueryGate(maxRunning: 1, maxWaiting: 10, time: time);
        using var gone = new CancellationTokenSource();
        var first = await gate.EnterAsync("a", default);
        var second = gate.EnterAsync("b", default).AsTask();
        time.Advance(TimeSpan.FromSeconds(1));
        var cancelled = Task.Factory.StartNew(
            () => Assert.ThrowsAny<OperationCanceledException>(() => first.Yield(gone.Token)), TaskCreationOptions.LongRunning);
        var place = await second;
        await gone.CancelAsync();
        await cancelled;
        first.Dispose();
        place.Dispose();
        using var all = await gate.EnterAsync("c", default);
        Assert.Equal(0, all.Take(1)); // one place, and this is it
    }

    [Theory]
    [InlineData(1, 5, 200)]
    [InlineData(2, 3, 200)]
    public async Task However_queries_come_and_go_no_place_is_lost_and_all_of_them_end(int seed, int tenants, int queries)
    {
        var gate = new QueryGate(maxRunning: 3, maxWaiting: 1000, maxGuests: 3, reserved: TimeSpan.FromMilliseconds(1));
        var random = new Random(seed);
        var all = Enumerable.Range(0, queries).Select(
            _ => (Tenant: $"t{random.Next(tenants)}", Steps: random.Next(1, 30), Borrow: random.Next(3),
                Cancel: random.Next(4) == 0 ? random.Next(30) : -1)).ToList();
        await Task.WhenAll(all.Select(query => Task.Run(async () =>
        {
            using var gone = new CancellationTokenSource();
            try
            {
                using var place = await gate.EnterAsync(query.Tenant, gone.Token);
                var taken = place.Take(query.Borrow);
                try
                {
                    for (var step = 0; step < query.Steps; step++)
                    {
                        if (step == query.Cancel) await gone.CancelAsync();
                        place.Yield(gone.Token);
                    }
                }
                finally
                {
                    place.Return(taken);
                }
            }
            catch (OperationCanceledException) when (query.Cancel >= 0)
            {
            }
        })));
        using var last = await gate.EnterAsync("last", default);
        await Task.Delay(10); // nothing is kept free any more
        Assert.Equal(2, last.Take(9));
    }

    private static Task YieldAsync(QueryGate.Place place) =>
        Task.Factory.StartNew(() => place.Yield(default), TaskCreationOptions.LongRunning);
}
