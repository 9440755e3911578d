namespace Tempo.SystemTests.Server;

/// <summary><c>tempo verify</c> over all blocks that a test has left: what any test makes the server write must be sound.</summary>
internal static class BlockCheck
{
    // A bound on what hangs: a night of kills leaves a thousand blocks.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(20);

    /// <summary>Each tenant's blocks in the folder; a folder that is not there has none.</summary>
    public static async Task VerifyAsync(string blocksFolder)
    {
        if (!Directory.Exists(blocksFolder)) return;
        foreach (var tenant in Directory.GetDirectories(blocksFolder).Where(HasBlocks).Select(Path.GetFileName))
        {
            var verify = await ProgramRun.ToEndAsync(Repository.Binary, ["verify", "--path", blocksFolder, tenant!], Limit);
            Assert.True(verify.ExitCode == 0, $"tempo verify of tenant {tenant}:\n{verify.Everything}");
        }
    }

    private static bool HasBlocks(string tenantFolder) =>
        Directory.GetDirectories(tenantFolder).Any(static block => File.Exists(Path.Combine(block, "meta.json")));
}
