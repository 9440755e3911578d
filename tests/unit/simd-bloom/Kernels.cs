namespace Tempo.SimdBloom.Tests;

/// <summary>The kernels that this machine can run, by name, as rows of a theory.</summary>
public static class Kernels
{
    public static IEnumerable<TheoryDataRow<string>> Supported =>
        KernelChoice.BestFirst.Where(kernel => kernel.IsSupported).Select(kernel => new TheoryDataRow<string>(kernel.Name));

    internal static IBloomKernel Named(string name) => KernelChoice.BestFirst.Single(kernel => kernel.Name == name);
}
