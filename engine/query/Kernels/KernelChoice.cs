using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Query.Kernels;

/// <summary>
/// Which inner loops the filters of this process run. Chosen once, at first use: the widest that the processor (or, under Native
/// AOT, the compilation) supports, unless the environment names another.
/// </summary>
public static class KernelChoice
{
    /// <summary>Environment variable that forces a kernel by name: <c>scalar</c>, <c>vector256</c> or <c>vector512</c>.</summary>
    public const string EnvironmentVariable = "TEMPO_QUERY_KERNEL";

    // Best first.
    private static readonly (string Name, KernelKind Kind, bool IsSupported)[] BestFirst =
    [
        ("vector512", KernelKind.Vector512, Vector512.IsHardwareAccelerated && Avx2.IsSupported),
        ("vector256", KernelKind.Vector256, Vector256.IsHardwareAccelerated && Avx2.IsSupported),
        ("scalar", KernelKind.Scalar, true),
    ];

    /// <summary>The kernel in use.</summary>
    public static KernelKind Current { get; } = Pick(Environment.GetEnvironmentVariable(EnvironmentVariable), out CurrentWarning);

    private static readonly string? CurrentWarning;

    /// <summary>Why the kernel that the environment names is not the one in use; null if all is well. To be logged at start.</summary>
    public static string? Warning => CurrentWarning;

    /// <summary>The kernels that can run here, best first.</summary>
    public static IEnumerable<KernelKind> Supported =>
        BestFirst.Where(static kernel => kernel.IsSupported).Select(static kernel => kernel.Kind);

    /// <summary>
    /// The kernel for a forced name (null or empty: none). One that is unknown or cannot run here is not taken, and said so.
    /// </summary>
    public static KernelKind Pick(string? forcedName, out string? warning)
    {
        var best = Array.Find(BestFirst, static kernel => kernel.IsSupported); // the last always is
        warning = null;
        if (string.IsNullOrEmpty(forcedName)) return best.Kind;

        var forced = Array.Find(BestFirst, kernel => kernel.Name == forcedName);
        if (forced.IsSupported) return forced.Kind;

        var reason = forced.Name is null ? "there is no such kernel" : "this processor or build does not support it";
        warning = $"{EnvironmentVariable}={forcedName}: {reason}; using {best.Name}";
        return best.Kind;
    }
}

/// <summary>A width of inner loops. The scalar one is the truth that the others are checked against.</summary>
public enum KernelKind
{
    Scalar = 0,
    Vector256,
    Vector512,
}
