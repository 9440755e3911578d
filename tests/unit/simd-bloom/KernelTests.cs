namespace Tempo.SimdBloom.Tests;

/// <summary>Every kernel against its scalar twin, over random keys and over lengths around each kernel's width.</summary>
public class KernelTests
{
    private static readonly int[] Counts = [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 1000];

    [Theory]
    [MemberData(nameof(Kernels.Supported), MemberType = typeof(Kernels))]
    public void HashesIdsAsTheScalarTwinDoes(string name)
    {
        var random = new Random(11);
        foreach (var count in Counts)
        {
            var ids = new byte[count * 16];
            random.NextBytes(ids);
            var expected = new TraceIdHash[count];
            ScalarKernel.Instance.HashIds(ids, expected);
            var actual = new TraceIdHash[count];
            Kernels.Named(name).HashIds(ids, actual);
            for (var i = 0; i < count; i++) Assert.Equal(Fields(expected[i]), Fields(actual[i]));
        }

        static (ulong, ulong, ulong, ulong, uint) Fields(TraceIdHash hash) => (hash.H0, hash.H1, hash.H2, hash.H3, hash.Fnv);
    }

    [Theory]
    [MemberData(nameof(Kernels.Supported), MemberType = typeof(Kernels))]
    public void BuildsAndProbesBlocksAsTheScalarTwinDoes(string name)
    {
        var kernel = Kernels.Named(name);
        var random = new Random(12);
        foreach (var blocks in (int[])[1, 2, 3, 31, 1000])
            foreach (var count in Counts)
            {
                var hashes = RandomHashes(random, count);
                var expected = new byte[blocks * 32];
                ScalarKernel.Instance.Insert(expected, hashes);
                var actual = new byte[blocks * 32];
                kernel.Insert(actual, hashes);
                Assert.Equal(expected, actual);

                var probes = RandomHashes(random, count).Concat(hashes).ToArray();
                var expectedFound = new ulong[(probes.Length + 63) / 64];
                ScalarKernel.Instance.Probe(expected, probes, expectedFound);
                var actualFound = Enumerable.Repeat(ulong.MaxValue, expectedFound.Length).ToArray(); // dirty: all must be written
                kernel.Probe(actual, probes, actualFound);
                Assert.Equal(expectedFound, actualFound);

                for (var i = 0; i < probes.Length; i++)
                {
                    var found = (expectedFound[i / 64] >> (i % 64) & 1) == 1;
                    Assert.Equal(found, kernel.MayContain(actual, probes[i]));
                    if (i >= count) Assert.True(found); // it was inserted
                }
            }
    }

    [Theory] // The block index at its ends: the first and the last block, never one past it.
    [MemberData(nameof(Kernels.Supported), MemberType = typeof(Kernels))]
    public void TheUpperHalfOfTheHashChoosesTheBlock(string name)
    {
        var bitSet = new byte[7 * 32];
        Kernels.Named(name).Insert(bitSet, [0UL, ulong.MaxValue]);
        Assert.Equal(8, bitSet.AsSpan(0, 32).ToArray().Sum(b => byte.PopCount(b)));
        Assert.Equal(8, bitSet.AsSpan(6 * 32, 32).ToArray().Sum(b => byte.PopCount(b)));
        Assert.DoesNotContain(bitSet.AsSpan(32, 5 * 32).ToArray(), b => b != 0);
    }

    [Fact]
    public void AKernelCanBeForcedByName()
    {
        Assert.Same(ScalarKernel.Instance, KernelChoice.Pick("scalar", out var warning));
        Assert.Null(warning);
        var best = KernelChoice.Pick(null, out warning);
        Assert.Null(warning);
        Assert.Same(best, KernelChoice.Pick("vector9000", out warning));
        Assert.Contains("vector9000", warning, StringComparison.Ordinal);
        Assert.True(best.IsSupported);
    }

    private static ulong[] RandomHashes(Random random, int count)
    {
        var hashes = new ulong[count];
        for (var i = 0; i < count; i++) hashes[i] = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
        return hashes;
    }
}
