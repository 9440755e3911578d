using System.Text;
using Tempo.Engine.Query.Kernels;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Query.Tests.Kernels;

/// <summary>Each kernel that can run here against the scalar one, at lengths around those of vectors and words.</summary>
public sealed class KernelTests
{
    private static readonly int[] Lengths = [0, 1, 7, 8, 15, 16, 31, 33, 63, 64, 65, 127, 128, 129, 500, 1000, 4096, 4097];

    public static TheoryData<KernelKind> Vectors() => [.. KernelChoice.Supported.Where(static kind => kind != KernelKind.Scalar)];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Marking_equals_the_scalar_kernel(KernelKind kernel)
    {
        var random = new Random(1);
        foreach (var length in Lengths)
        {
            var bytes = Enumerable.Range(0, length).Select(_ => (byte)random.Next(256)).ToArray();
            Same(kernel, bytes, new InRange<byte>(0x7F, 1, 2));
            Same(kernel, bytes, new InRange<byte>(byte.MaxValue, 100, 200));
            Same(kernel, bytes, new EqualTo<byte>(3));
            Same(kernel, Array.ConvertAll(bytes, static b => (ushort)(b * 257)), new EqualTo<ushort>(257 * 7));
            Same(kernel, Array.ConvertAll(bytes, static b => b - 100), new EqualTo<int>(-3));
            Same(kernel, Array.ConvertAll(bytes, static b => b - 100), new InRange<int>(-1, -5, 5));
            var longs = Array.ConvertAll(bytes, static b => b < 10 ? ulong.MaxValue - b : (ulong)b << 40);
            Same(kernel, longs, new InRange<ulong>(ulong.MaxValue, 50UL << 40, ulong.MaxValue - 3));
            Same(kernel, longs, new InRange<ulong>(ulong.MaxValue, 1, 0));
            Same(kernel, longs, new EqualTo<ulong>(77UL << 40));
        }
    }

    private static void Same<T, TTest>(KernelKind kernel, T[] column, TTest test)
        where T : unmanaged
        where TTest : struct, IEntryTest<T>
    {
        // What was there before must not shine through.
        var expected = new ulong[Bitmap.WordCount(column.Length)];
        var actual = expected.Select(static _ => ulong.MaxValue).ToArray();
        MarkKernel.Run(KernelKind.Scalar, column, test, expected);
        for (var i = 0; i < column.Length; i++) Assert.Equal(test.Holds(column[i]), Bitmap.Get(expected, i));
        MarkKernel.Run(kernel, column, test, actual);
        Assert.Equal(expected, actual);
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Looking_up_equals_the_scalar_kernel(KernelKind kernel)
    {
        var random = new Random(2);
        foreach (var length in Lengths)
        {
            var answers = new byte[300 + LookupKernel.PaddingBytes];
            for (var i = 0; i < 300; i++) answers[i] = (byte)random.Next(2);
            if (length > 10) answers[random.Next(300)] = 2;
            var codes = Enumerable.Range(0, length).Select(_ => random.Next(300)).ToArray();
            var expected = new ulong[Bitmap.WordCount(length)];
            var actual = expected.Select(static _ => ulong.MaxValue).ToArray();
            var met = LookupKernel.Run(KernelKind.Scalar, codes, answers, expected);
            Assert.Equal(codes.Aggregate(0, (all, code) => all | answers[code]), met);
            Assert.Equal(met, LookupKernel.Run(kernel, codes, answers, actual));
            Assert.Equal(expected, actual);
        }
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void A_code_beyond_the_table_is_not_used_as_an_address(KernelKind kernel)
    {
        var codes = new int[64];
        codes[63] = 1 << 20;
        Assert.ThrowsAny<Exception>(() => LookupKernel.Run(kernel, codes, new byte[10 + LookupKernel.PaddingBytes], new ulong[1]));
        codes[63] = -1;
        Assert.ThrowsAny<Exception>(() => LookupKernel.Run(kernel, codes, new byte[10 + LookupKernel.PaddingBytes], new ulong[1]));
    }

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Finding_entries_equals_the_scalar_kernel(KernelKind kernel)
    {
        var random = new Random(3);
        foreach (var length in Lengths)
        {
            var texts = Enumerable.Range(0, length).Select(_ => new string('x', random.Next(4)) + random.Next(30)).ToArray();
            var bytes = texts.SelectMany(Encoding.UTF8.GetBytes).ToArray();
            var offsets = new int[length + 1];
            for (var i = 0; i < length; i++) offsets[i + 1] = offsets[i] + texts[i].Length;
            var table = new StringTable(bytes, offsets, length);
            foreach (var text in new[] { "xx7", "7", "xxx29", "", "none" })
            {
                List<int> expected = [], actual = [];
                EntryKernel.Find(KernelKind.Scalar, table, length, Encoding.UTF8.GetBytes(text), expected);
                EntryKernel.Find(kernel, table, length, Encoding.UTF8.GetBytes(text), actual);
                Assert.Equal(Enumerable.Range(0, length).Where(i => texts[i] == text), expected);
                Assert.Equal(expected, actual);
            }
        }
    }

    [Theory]
    [InlineData("scalar", KernelKind.Scalar, false)]
    [InlineData("vector1024", null, true)]
    [InlineData("", null, false)]
    [InlineData(null, null, false)]
    public void A_kernel_is_forced_by_name(string? name, KernelKind? expected, bool warns)
    {
        Assert.Equal(expected ?? KernelChoice.Supported.First(), KernelChoice.Pick(name, out var warning));
        Assert.Equal(warns, warning is not null);
    }
}
