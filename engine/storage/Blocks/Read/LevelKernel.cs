namespace Tempo.Engine.Storage.Blocks.Read;

/// <summary>
/// Which inner loops turn levels into owners and bits (<see cref="LevelBits"/>, <see cref="SpanOwners"/>, offsets). Chosen once, at first
/// use: the vector forms unless the environment names the scalar ones. Each loop itself looks whether the processor (or, under Native AOT,
/// the compilation) has what it needs, and is the scalar one where not: one needs 128 bits, another 256 or BMI2.
/// </summary>
public static class LevelKernel
{
    /// <summary>Environment variable that forces a kernel by name: <c>scalar</c> or <c>vector</c>.</summary>
    public const string EnvironmentVariable = "TEMPO_LEVEL_KERNEL";

    /// <summary>The kernel in use.</summary>
    internal static LevelKind Current { get; } = Pick(Environment.GetEnvironmentVariable(EnvironmentVariable), out CurrentWarning);

    private static readonly string? CurrentWarning;

    /// <summary>Why the kernel that the environment names is not the one in use; null if all is well. To be logged at start.</summary>
    public static string? Warning => CurrentWarning;

    /// <summary>The kernel for a forced name (null or empty: none). One that is unknown is not taken, and said so.</summary>
    internal static LevelKind Pick(string? forcedName, out string? warning)
    {
        warning = string.IsNullOrEmpty(forcedName) || forcedName is "scalar" or "vector"
            ? null
            : $"{EnvironmentVariable}={forcedName}: no such kernel (scalar, vector); using vector";
        return forcedName == "scalar" ? LevelKind.Scalar : LevelKind.Vector;
    }
}

/// <summary>A kind of inner loops. The scalar one is the truth that the other is checked against.</summary>
internal enum LevelKind
{
    Scalar = 0,
    Vector,
}
