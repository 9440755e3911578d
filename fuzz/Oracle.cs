using System.Diagnostics.CodeAnalysis;

namespace Tempo.Fuzz;

/// <summary>How a target says that what must hold does not.</summary>
internal static class Oracle
{
    public static void Holds([DoesNotReturnIf(false)] bool condition, string claim)
    {
        if (!condition) throw new OracleException(claim);
    }
}

/// <summary>Something that must hold whatever the input is does not; the message is the claim.</summary>
internal sealed class OracleException(string claim) : Exception($"does not hold: {claim}");
