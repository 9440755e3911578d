using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Parquet;

/// <summary>
/// Which inner loops look for marks in packed levels and indices. Chosen once, at first use: the widest that the processor (or, under
/// Native AOT, the compilation) supports, unless the environment names another.
/// </summary>
public static class UnpackChoice
{
    /// <summary>Environment variable that forces a kernel by name: <c>scalar</c> or <c>vector256</c>.</summary>
    public const string EnvironmentVariable = "TEMPO_UNPACK_KERNEL";

    /// <summary>The kernel in use. What the environment names and cannot run, or does not exist, is passed over.</summary>
    public static UnpackKind Current { get; } = Pick(Environment.GetEnvironmentVariable(EnvironmentVariable));

    /// <summary>The kernels that can run here, best first.</summary>
    public static IReadOnlyList<UnpackKind> Supported =>
        IsVectorSupported ? [UnpackKind.Vector256, UnpackKind.Scalar] : [UnpackKind.Scalar];

    private static bool IsVectorSupported => Vector256.IsHardwareAccelerated && Avx2.IsSupported && Bmi2.X64.IsSupported;

    /// <summary>The kernel for a forced name; the best one if there is none, or none of that name that can run.</summary>
    public static UnpackKind Pick(string? forcedName) =>
        forcedName == "scalar" || !IsVectorSupported ? UnpackKind.Scalar : UnpackKind.Vector256;
}

/// <summary>A width of inner loops. The scalar one is the truth that the other is checked against.</summary>
public enum UnpackKind
{
    Scalar = 0,
    Vector256,
}
