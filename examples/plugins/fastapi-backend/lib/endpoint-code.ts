/** The FastAPI code of one endpoint. */
export function endpointCode(path: string, method: string): string {
  return `from fastapi import APIRouter, Depends
from app.models import UserModel
from app.auth import get_current_user

router = APIRouter()

@router.${method.toLowerCase()}("${path}")
async def ${functionName(path)}(
    current_user: UserModel = Depends(get_current_user)
):
    return {"message": "Endpoint created"}
`;
}

/** A path as a name of Python: `/api/users` is `api_users`. */
export function functionName(path: string): string {
  return path
    .replace(/^\//, "")
    .replaceAll(/[/-]/g, "_")
    .replaceAll(/[^A-Za-z0-9_]/g, "");
}
