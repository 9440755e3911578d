#!/bin/sh
echo --% >/dev/null;: ' | out-null
<#'
cd "$(dirname "$0")" && exec dotnet run build.cs -- "$@"
#>
Set-Location -LiteralPath $PSScriptRoot
& dotnet run build.cs -- @args
exit $LASTEXITCODE
