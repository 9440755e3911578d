using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Forwarding;
using Tempo.Testing;
using Xunit;

namespace Tempo.Host.Tests.Outgoing;

/// <summary>What is kept of a tenant whose requests are sent on. That they arrive: tests/system/Api.</summary>
public sealed class ForwarderQueueTests
{
    [Fact]
    public async Task A_queue_is_there_as_long_as_something_is_in_it()
    {
        var time = new SteppedTime(0);
        var nobody = new ForwarderOptions { Name = "a", Endpoints = [$"127.0.0.1:{LoopbackPort.Free()}"], IsInsecure = true };
        await using var forwarders = new Forwarders([nobody], static _ => ["a"], new MetricRegistry(), Log.Null, time);
        for (var round = 0; round < 2; round++)
        {
            // The first attempt fails, and the second one waits for the clock.
            for (var i = 0; i < 3; i++) forwarders.Accept(TenantId.Single, [1]);
            Assert.Equal(1, forwarders.QueueCount);
            for (var i = 0; forwarders.QueueCount > 0; i++)
            {
                Assert.True(i < 3000, "the queue stays");
                time.Advance(TimeSpan.FromSeconds(1));
                await Task.Delay(10, TestContext.Current.CancellationToken);
            }
        }
    }
}
