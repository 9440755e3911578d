using System.Runtime.CompilerServices;

namespace Tempo.SimdBloom;

/// <summary>
/// x mod M for one M and many x, without a division: with r = ⌊(2⁶⁴ − 1) / M⌋ the estimate ⌊x · r / 2⁶⁴⌋ is the quotient
/// or one less (x/M − x·r/2⁶⁴ &lt; 1, since M·(r+1) > 2⁶⁴ − 1), so one conditional subtraction makes the remainder exact.
/// M is below 2⁶²: a filter's bits are there in memory.
/// </summary>
internal readonly struct BitModulus(ulong modulus)
{
    private readonly ulong _modulus = modulus;
    private readonly ulong _reciprocal = ulong.MaxValue / modulus;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Reduce(ulong value)
    {
        var remainder = value - Math.BigMul(value, _reciprocal, out _) * _modulus - _modulus; // in [−M, M)
        // By mask: in a loop the compiler makes a branch of a condition here, and no processor predicts it.
        return remainder + (_modulus & (ulong)((long)remainder >> 63));
    }
}
