using System.Diagnostics;

namespace Tempo.SystemTests.Server;

/// <summary>Waits for what must come about, however slow the machine is, instead of sleeping for as long as it usually takes.</summary>
internal static class Eventually
{
    /// <summary>
    /// What does not come about at all is meant; a machine with a load of 75 has taken more than a minute for what takes it a second.
    /// </summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(3);
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
