using System.Diagnostics;

namespace Tempo.SystemTests.Server;

/// <summary>Waits for what must come about, however slow the machine is, instead of sleeping for as long as it usually takes.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    /// <summary>Returns once the condition holds; <paramref name="what"/> names it in the failure.</summary>
    public static async Task HoldsAsync(string what, Func<Task<bool>> condition)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > Limit) throw new TimeoutException($"after {Limit.TotalSeconds} s still not: {what}");
            await Task.Delay(Pause);
        }
    }

    public static Task HoldsAsync(string what, Func<bool> condition) => HoldsAsync(what, () => Task.FromResult(condition()));
}
