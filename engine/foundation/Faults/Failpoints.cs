using System.Globalization;
using System.Runtime.CompilerServices;

namespace Tempo.Engine.Foundation;

/// <summary>
/// Named places where a test ends the process, as kill -9 does, or has it meet an error of the disk. Off, as they always are unless
/// <see cref="TryArm"/> is called at the start, a place costs one load and a branch that is not taken.
/// </summary>
public static class Failpoints
{
    private static Plan? s_plan;

    /// <summary>What was asked for; empty if failpoints are off.</summary>
    public static string Armed => s_plan?.Text ?? "";

    /// <summary>
    /// Turns them on for the life of the process. <paramref name="text"/> is <c>name[:nth][:error]</c>: the process ends, or with
    /// <c>error</c> an <see cref="IOException"/> is thrown, the nth time (the first by default) that the place is reached; or
    /// <c>count</c>, which only counts. False with what is wrong.
    /// </summary>
    public static bool TryArm(string text, out string error)
    {
        error = "";
        var parts = text.Split(':');
        var plan = new Plan(text);
        if (parts is ["count"]) return Arm(plan);
        if (FailpointTable.Find(parts[0]) is not { } info) error = $"there is no failpoint {parts[0]}";
        else if (parts.Length > 3) error = "name[:nth][:error] is expected";
        else
        {
            plan.Point = info.Point;
            for (var i = 1; i < parts.Length && error.Length == 0; i++)
            {
                if (parts[i] == "error") plan.IsError = true;
                else if (int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out var nth) && nth > 0) plan.Nth = nth;
                else error = $"{parts[i]} is neither a number from 1 on nor \"error\"";
            }

            if (plan.IsError && !info.MayFail) error = $"{info.Name} only ends the process: nothing around it takes an error";
        }

        return error.Length == 0 && Arm(plan);
    }

    /// <summary>How often each place was reached since the start, by name; all zero if failpoints are off.</summary>
    public static IEnumerable<(string Name, int Count)> Reached() =>
        FailpointTable.All.Select(static info => (info.Name, s_plan is { } plan ? Volatile.Read(ref plan.Counts[(int)info.Point]) : 0));

    /// <summary>A place that the code has come to. Throws <see cref="IOException"/> where that was asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Hit(Failpoint point)
    {
        if (s_plan is { } plan) plan.Reach(point);
    }

    private static bool Arm(Plan plan)
    {
        s_plan = plan;
        return true;
    }

    private sealed class Plan(string text)
    {
        public readonly int[] Counts = new int[FailpointTable.All.Count];

        public string Text => text;

        public Failpoint? Point { get; set; }

        public int Nth { get; set; } = 1;

        public bool IsError { get; set; }

        [MethodImpl(MethodImplOptions.NoInlining)]
        public void Reach(Failpoint point)
        {
            if (Interlocked.Increment(ref Counts[(int)point]) != Nth || point != Point) return;
            if (IsError) throw new IOException($"failpoint {text}");
            PosixCalls.KillSelf();
        }
    }
}
