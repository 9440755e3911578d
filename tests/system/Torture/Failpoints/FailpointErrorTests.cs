using Tempo.Engine.Foundation;

namespace Tempo.SystemTests.Torture.Failpoints;

/// <summary>
/// The server meets an error of the disk at each named place of its code that can have one, and goes on. A class of its own, so that it
/// runs beside <see cref="FailpointTests"/>.
/// </summary>
public sealed class FailpointErrorTests(ITestOutputHelper output)
{
    public static TheoryData<string> Names => [.. FailpointTable.All.Where(static info => info.MayFail).Select(static info => info.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task An_error_there_is_no_end_and_no_loss(string name)
    {
        await using var server = new FailpointServer(output, "error at a failpoint");
        if (FailpointTests.NeedsWork(name)) await server.LeaveWorkBehindAsync();
        server.Failpoint = $"{name}:{FailpointTests.Nth}:error";
        var isReached = false;
        Assert.True(await server.LiveAsync(async () => !(isReached = !(await server.UnreachedAsync()).Contains(name))), server.Tempo.Log);
        Assert.True(isReached, $"{name} was not reached:\n{server.Tempo.Log}");
        // Well again: it has gone on by itself.
        await server.Check.EverythingAsync();
        await server.Tempo.KillAsync();
        await server.HealAsync();
        server.Rounds.Done($"{name}:{FailpointTests.Nth}; {server.Ledger}");
        server.Rounds.Report(server.Ledger);
    }
}
