namespace Tempo.Format.Tests;

/// <summary>tests/format: the lists of leaves, and blocks that stay for good.</summary>
internal static class GoldenFolder
{
    public static readonly string Root = Find();

    public static string PathOf(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "tests", "format", "vParquet5.txt")))
                return Path.Combine(folder.FullName, "tests", "format");
        throw new DirectoryNotFoundException($"tests/format is not above {AppContext.BaseDirectory}");
    }
}
