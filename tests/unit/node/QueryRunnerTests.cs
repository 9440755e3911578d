using Tempo.Engine.Foundation;
using Tempo.Engine.Node;

namespace Tempo.Node.Tests;

/// <summary>What a query was given to read is let go of, however it ends.</summary>
public sealed class QueryRunnerTests
{
    private readonly NodeState _state = new(new NodeOptions(), TimeProvider.System);
    private readonly QueryGate _gate = new(maxRunning: 1, maxWaiting: 1);
    private readonly Others _others = new();

    public QueryRunnerTests() => _state.Update(static _ => new NodeView([], []));

    [Fact]
    public async Task What_others_have_is_held_as_long_as_the_query_runs()
    {
        var runner = new QueryRunner(_gate, _state, _others);
        Assert.Equal(1, await runner.RunAsync(TenantSet.Single, (_, _) => Task.FromResult(_others.Held), default));
        Assert.Equal(0, _others.Held);
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => runner.RunAsync<int>(TenantSet.Single, static (_, _) => throw new InvalidOperationException(), default));
        Assert.Equal(0, _others.Held);
    }

    [Fact]
    public async Task Who_gets_no_place_holds_nothing()
    {
        using var place = await _gate.EnterAsync("another", default);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new QueryRunner(_gate, _state, _others)
            .RunAsync(TenantSet.Single, static (_, _) => Task.FromResult(0), new CancellationToken(true)));
        Assert.Equal((1, 0), (_others.Asked, _others.Held));
    }

    private sealed class Others : ICollectsSources
    {
        public int Asked { get; private set; }

        public int Held { get; private set; }

        public ValueTask<AddedSources> CollectAsync(TenantSet tenants, TraceId? trace, CancellationToken cancellation)
        {
            Asked++;
            Held++;
            return new(new AddedSources([], [], "") { Lease = new Letting(() => Held--) });
        }

        public Task ListAsync(TenantSet tenants, CancellationToken cancellation) => Task.CompletedTask;
    }

    private sealed class Letting(Action go) : IDisposable
    {
        public void Dispose() => go();
    }
}
