namespace Tempo.SimdBloom;

/// <summary>
/// Which inner loops this process runs. Chosen once, at first use: the first of the list that the processor (or, under
/// Native AOT, the compilation) supports, unless the environment names another.
/// </summary>
public static class KernelChoice
{
    /// <summary>Environment variable that forces a kernel by name: <c>scalar</c>, <c>vector256</c> or <c>vector512</c>.</summary>
    public const string EnvironmentVariable = "TEMPO_BLOOM_KERNEL";

    // Best first.
    internal static readonly IBloomKernel[] BestFirst = [Vector512Kernel.Instance, Vector256Kernel.Instance, ScalarKernel.Instance];

    internal static readonly IBloomKernel Current = Pick(Environment.GetEnvironmentVariable(EnvironmentVariable), out CurrentWarning);

    private static readonly string? CurrentWarning;

    /// <summary>Name of the kernel in use.</summary>
    public static string Name => Current.Name;

    /// <summary>Why the kernel that the environment names is not the one in use; null if all is well. To be logged at start.</summary>
    public static string? Warning => CurrentWarning;

    /// <summary>
    /// The kernel for a forced name (null or empty: none). One that is unknown or cannot run here is not taken, and said so.
    /// </summary>
    internal static IBloomKernel Pick(string? forcedName, out string? warning)
    {
        var best = Array.Find(BestFirst, kernel => kernel.IsSupported)!; // the last always is
        warning = null;
        if (string.IsNullOrEmpty(forcedName)) return best;

        var forced = Array.Find(BestFirst, kernel => kernel.Name == forcedName);
        if (forced is { IsSupported: true }) return forced;

        var reason = forced == null ? "there is no such kernel" : "this processor or build does not support it";
        warning = $"{EnvironmentVariable}={forcedName}: {reason}; using {best.Name}";
        return best;
    }
}
