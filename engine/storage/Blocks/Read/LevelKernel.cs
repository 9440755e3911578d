using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Which inner loops turn levels into owners and bits (<see cref="LevelBits"/>, <see cref="SpanOwners"/>, offsets). Chosen once, at first use: the
/// vector forms where the processor (or, under Native AOT, the compilation) has them, unless the environment names the scalar ones.
/// </summary>
internal static class LevelKernel
{
    /// <summary>Environment variable that forces a kernel by name: <c>scalar</c> or <c>vector</c>.</summary>
    public const string EnvironmentVariable = "TEMPO_LEVEL_KERNEL";

    /// <summary>The kernel in use. What the environment names and cannot run, or does not exist, is passed over.</summary>
    public static LevelKind Current { get; } = Pick(Environment.GetEnvironmentVariable(EnvironmentVariable));

    /// <summary>The kernels that can run here, best first.</summary>
    public static IReadOnlyList<LevelKind> Supported => IsVectorSupported ? [LevelKind.Vector, LevelKind.Scalar] : [LevelKind.Scalar];

    private static bool IsVectorSupported => Vector128.IsHardwareAccelerated && Vector256.IsHardwareAccelerated && Bmi2.X64.IsSupported;

    /// <summary>The kernel for a forced name; the best one if there is none, or none of that name that can run.</summary>
    public static LevelKind Pick(string? forcedName) => forcedName == "scalar" || !IsVectorSupported ? LevelKind.Scalar : LevelKind.Vector;
}

/// <summary>A kind of inner loops. The scalar one is the truth that the other is checked against.</summary>
internal enum LevelKind
{
    Scalar = 0,
    Vector,
}
